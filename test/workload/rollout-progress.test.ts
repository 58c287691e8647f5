import { expect, test } from 'vitest'
import { progressOf } from '../../src/workload/kinds.ts'
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
  [
    'a canary that waits for a person',
    'Rollout',
    {},
    { observedGeneration: '2', phase: 'Paused' },
    'running',
  ],
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
  expect(progressOf({ apiVersion, kind, metadata: { generation: 2 }, spec, status })).toBe(expected)
})
