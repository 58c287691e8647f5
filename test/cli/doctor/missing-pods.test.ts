import { expect, test } from 'vitest'
import { checkMissingPods } from '../../../src/cli/doctor/missing-pods.ts'
import { keys, workload } from '../../support/builders.ts'

const withStatus = (kind: string, status: object) => ({
  ...workload({ kind, own: keys({ inject: 'true' }), fields: { replicas: 2 } }),
  status: { observedGeneration: 1, ...status },
})

test('a LimitRange that refuses the agent is named, with the annotation that helps', () => {
  const message = 'pods "web-1" is forbidden: minimum cpu usage per Container is 10m, but request is 1m'
  const conditions = [{ type: 'ReplicaFailure', status: 'True', message }]
  expect(checkMissingPods([withStatus('Deployment', { conditions })])).toEqual([
    {
      check: 'pods',
      result: 'problem',
      namespace: 'shop',
      text: `Deployment web in namespace shop can't create its Pods: ${message}; where a LimitRange or quota asks more of a container, set hotreload.dev/resources; kubectl describe -n shop deployment/web`,
      command: 'kubectl describe -n shop deployment/web',
    },
  ])
})

test.each([
  ['StatefulSet', { replicas: 0 }, 'has none of its 2 Pods'],
  ['DaemonSet', { desiredNumberScheduled: 3, currentNumberScheduled: 0 }, 'has none of its 3 Pods'],
])('a %s, which has no such condition, has no Pods', (kind, status, text) =>
  expect(checkMissingPods([withStatus(kind, status)])).toMatchObject([
    { text: expect.stringContaining(text) },
  ]),
)

test.each([
  ['one that has its Pods', withStatus('Deployment', { replicas: 2 })],
  ['one that is scaled down', { ...withStatus('Deployment', {}), spec: { replicas: 0 } }],
  ['one that its controller has not seen yet', { ...withStatus('StatefulSet', {}), status: {} }],
  ['a Job', withStatus('Job', {})],
])('%s is fine', (_, one) => expect(checkMissingPods([one])).toEqual([]))
