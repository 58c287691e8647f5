import { expect, test } from 'vitest'
import { keptPods, rolloutStatusOf } from '../../src/workload/kinds.ts'
import type { Progress } from '../../src/workload/rollout-progress.ts'
import { workload } from '../support/builders.ts'

const conditions = (reason: string) => [{ type: 'Progressing', reason }]
const done = { observedGeneration: 2, replicas: 3, updatedReplicas: 3, availableReplicas: 3 }
const updated = (pods: number) => ({
  observedGeneration: 2,
  replicas: 3,
  updatedReplicas: pods,
  updatedReadyReplicas: pods,
})
const onDelete = { updateStrategy: { type: 'OnDelete' } }

test.each<[string, string, object, object, Progress]>([
  ['complete', 'Deployment', { replicas: 3 }, done, 'done'],
  [
    'not seen by its controller yet',
    'Deployment',
    { replicas: 3 },
    { ...done, observedGeneration: 1 },
    'running',
  ],
  ['new Pods missing', 'Deployment', { replicas: 3 }, { ...done, updatedReplicas: 2 }, 'running'],
  ['old Pods left', 'Deployment', { replicas: 3 }, { ...done, replicas: 4 }, 'running'],
  ['new Pods not available', 'Deployment', { replicas: 3 }, { ...done, availableReplicas: 2 }, 'running'],
  [
    'complete, and a Pod lost later',
    'Deployment',
    { replicas: 3 },
    { ...done, availableReplicas: 2, conditions: conditions('NewReplicaSetAvailable') },
    'done',
  ],
  [
    'given up',
    'Deployment',
    { replicas: 3 },
    { ...done, updatedReplicas: 1, conditions: conditions('ProgressDeadlineExceeded') },
    'stuck',
  ],
  ['one replica by default', 'Deployment', {}, { observedGeneration: 2 }, 'running'],
  ['scaled to none', 'Deployment', { replicas: 0 }, { observedGeneration: 2 }, 'done'],
  [
    'one revision',
    'StatefulSet',
    { replicas: 3 },
    { observedGeneration: 2, currentRevision: 'a', updateRevision: 'a' },
    'done',
  ],
  [
    'two revisions',
    'StatefulSet',
    { replicas: 3 },
    { observedGeneration: 2, currentRevision: 'a', updateRevision: 'b' },
    'running',
  ],
  [
    'two revisions, by hand',
    'StatefulSet',
    onDelete,
    { observedGeneration: 2, currentRevision: 'a', updateRevision: 'b' },
    'done',
  ],
  [
    'a partition reached',
    'StatefulSet',
    { replicas: 3, updateStrategy: { rollingUpdate: { partition: 2 } } },
    { observedGeneration: 2, updatedReplicas: 1, currentRevision: 'a', updateRevision: 'b' },
    'done',
  ],
  [
    'all nodes',
    'DaemonSet',
    {},
    { observedGeneration: 2, desiredNumberScheduled: 2, updatedNumberScheduled: 2 },
    'done',
  ],
  [
    'nodes to go',
    'DaemonSet',
    {},
    { observedGeneration: 2, desiredNumberScheduled: 2, updatedNumberScheduled: 1 },
    'running',
  ],
  [
    'nodes to go, by hand',
    'DaemonSet',
    onDelete,
    { observedGeneration: 2, desiredNumberScheduled: 2 },
    'done',
  ],
  ['no nodes', 'DaemonSet', {}, { observedGeneration: 2 }, 'done'],
  ['healthy', 'Rollout', {}, { observedGeneration: '2', phase: 'Healthy' }, 'done'],
  ['a canary that waits for a person', 'Rollout', {}, { observedGeneration: '2', phase: 'Paused' }, 'paused'],
  ['degraded', 'Rollout', {}, { observedGeneration: '2', phase: 'Degraded' }, 'stuck'],
  ['old Pods left', 'CloneSet', { replicas: 3 }, { ...updated(2), updatedReadyReplicas: 2 }, 'running'],
  ['new Pods not ready', 'CloneSet', { replicas: 3 }, { ...updated(3), updatedReadyReplicas: 2 }, 'running'],
  ['complete', 'CloneSet', { replicas: 3 }, updated(3), 'done'],
  ['one replica by default', 'CloneSet', {}, updated(0), 'running'],
  ['not observed', 'CloneSet', { replicas: 3 }, { ...updated(3), observedGeneration: 1 }, 'running'],
  ['a partition reached', 'CloneSet', { replicas: 3, updateStrategy: { partition: 2 } }, updated(1), 'done'],
  [
    'a partition not reached',
    'CloneSet',
    { replicas: 3, updateStrategy: { partition: 2 } },
    updated(0),
    'running',
  ],
  [
    'a share that is rounded up, reached',
    'CloneSet',
    { replicas: 3, updateStrategy: { partition: '50%' } },
    updated(1),
    'done',
  ],
  [
    'a share that is rounded up, not reached',
    'CloneSet',
    { replicas: 3, updateStrategy: { partition: '50%' } },
    updated(0),
    'running',
  ],
  ['without a generation to observe', 'CronJob', {}, {}, 'done'],
  ['without a generation to observe', 'Job', {}, {}, 'done'],
])('%s: %s', (_name, kind, spec, status, expected) => {
  const { apiVersion } = workload({ kind })
  expect(rolloutStatusOf({ apiVersion, kind, metadata: { generation: 2 }, spec, status }).progress).toBe(
    expected,
  )
})

test.each<[string, string, object, number]>([
  ['two of three', 'Deployment', { replicas: 4, updatedReplicas: 3, availableReplicas: 3 }, 2],
  ['none yet', 'Deployment', { replicas: 4, updatedReplicas: 1, availableReplicas: 3 }, 0],
  [
    'old Pods that are not available count as if they were',
    'Deployment',
    { replicas: 4, updatedReplicas: 1 },
    0,
  ],
  ['one', 'StatefulSet', { replicas: 3, updatedReplicas: 1, availableReplicas: 3 }, 1],
  ['one node', 'DaemonSet', { desiredNumberScheduled: 3, updatedNumberScheduled: 2, numberAvailable: 2 }, 1],
  ['one', 'Rollout', { observedGeneration: '2', replicas: 4, updatedReplicas: 1, availableReplicas: 4 }, 1],
  ['one', 'CloneSet', { replicas: 4, updatedReplicas: 2, updatedReadyReplicas: 1 }, 1],
  [
    'none while the controller counts the Pods of the template before',
    'Deployment',
    { observedGeneration: 1, replicas: 3, updatedReplicas: 3, availableReplicas: 3 },
    0,
  ],
])('new Pods that are available, %s: %s', (_name, kind, status, expected) => {
  const { apiVersion } = workload({ kind })
  const found = rolloutStatusOf({
    apiVersion,
    kind,
    metadata: { generation: 2 },
    spec: {},
    status: { observedGeneration: 2, ...status },
  })
  expect(found.newPods).toBe(expected)
})

test.each<[string, string, object, object, number]>([
  ['by default', 'Deployment', { replicas: 10 }, {}, 5],
  ['of one', 'Deployment', { replicas: 1 }, {}, 1],
  [
    'none but one more',
    'Deployment',
    { replicas: 9, strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } },
    {},
    1,
  ],
  ['all', 'Deployment', { replicas: 9, strategy: { type: 'Recreate' } }, {}, 9],
  ['one after the other', 'StatefulSet', { replicas: 9 }, {}, 1],
  [
    'a third',
    'StatefulSet',
    { replicas: 9, updateStrategy: { rollingUpdate: { maxUnavailable: '33%' } } },
    {},
    3,
  ],
  ['one node after the other', 'DaemonSet', {}, { desiredNumberScheduled: 9 }, 1],
  [
    'a tenth of the nodes',
    'DaemonSet',
    { updateStrategy: { rollingUpdate: { maxSurge: '10%', maxUnavailable: 0 } } },
    { desiredNumberScheduled: 11 },
    2,
  ],
  ['a canary', 'Rollout', { replicas: 8, strategy: { canary: {} } }, {}, 4],
  ['blue and green', 'Rollout', { replicas: 8, strategy: { blueGreen: {} } }, {}, 8],
  ['by default', 'CloneSet', { replicas: 10 }, {}, 2],
  ['a run', 'Job', {}, {}, 1],
  [
    'all at most',
    'Deployment',
    { replicas: 3, strategy: { rollingUpdate: { maxSurge: `${'9'.repeat(400)}%` } } },
    {},
    3,
  ],
  [
    'none of none',
    'Deployment',
    { replicas: 0, strategy: { rollingUpdate: { maxSurge: `${'9'.repeat(400)}%` } } },
    {},
    0,
  ],
  [
    'a number that is none',
    'CloneSet',
    { replicas: 3, updateStrategy: { maxSurge: '1e999', maxUnavailable: 0 } },
    {},
    3,
  ],
])('Pods that are replaced at once, %s: %s', (_name, kind, spec, status, expected) => {
  const { apiVersion } = workload({ kind })
  expect(rolloutStatusOf({ apiVersion, kind, spec, status }).podsAtOnce).toBe(expected)
})

const available = (pods: number) => ({ ...done, updatedReplicas: pods, availableReplicas: 3 })
test.each<[string, string, object, object, boolean]>([
  ['all Pods are new', 'Deployment', { replicas: 3 }, done, true],
  ['one is not available', 'Deployment', { replicas: 3 }, { ...done, availableReplicas: 2 }, false],
  ['it has no Pods', 'Deployment', { replicas: 0 }, {}, true],
  [
    'Pods are deleted by hand, and one is old',
    'StatefulSet',
    { replicas: 3, ...onDelete },
    available(2),
    false,
  ],
  [
    'Pods are deleted by hand, and all are new',
    'StatefulSet',
    { replicas: 3, ...onDelete },
    available(3),
    true,
  ],
  [
    'those above the partition are new',
    'StatefulSet',
    { replicas: 3, updateStrategy: { rollingUpdate: { partition: 2 } } },
    available(1),
    true,
  ],
  [
    'the partition keeps all',
    'StatefulSet',
    { replicas: 3, updateStrategy: { rollingUpdate: { partition: 3 } } },
    available(0),
    false,
  ],
  [
    'a new Pod is not available yet',
    'DaemonSet',
    {},
    { desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberAvailable: 1 },
    false,
  ],
  [
    'Kruise keeps the Pods',
    'CloneSet',
    { replicas: 3, updateStrategy: { type: 'InPlaceIfPossible' } },
    updated(3),
    false,
  ],
  ['all Pods are new', 'CloneSet', { replicas: 3 }, updated(3), true],
])('%s: %s', (_name, kind, spec, status, expected) => {
  const { apiVersion } = workload({ kind })
  const all = { observedGeneration: 2, ...status }
  expect(
    rolloutStatusOf({ apiVersion, kind, metadata: { generation: 2 }, spec, status: all }).isComplete,
  ).toBe(expected)
})

test.each([
  ['Deployment', {}, undefined],
  ['DaemonSet', onDelete, 'updateStrategy is OnDelete: Pods are replaced only when you delete them'],
  [
    'StatefulSet',
    { updateStrategy: { rollingUpdate: { partition: 2 } } },
    'spec.updateStrategy.rollingUpdate.partition is 2: Pods below it stay as they are',
  ],
  [
    'CloneSet',
    { updateStrategy: { partition: '50%' } },
    'spec.updateStrategy.partition is 50%: as many Pods stay as they are',
  ],
])('Pods that a rollout keeps, %s %j', (kind, spec, text) => {
  const { apiVersion } = workload({ kind })
  expect(keptPods({ apiVersion, kind, spec })).toBe(text)
})
