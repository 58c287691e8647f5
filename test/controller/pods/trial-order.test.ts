import type { V1Pod } from '@kubernetes/client-node'
import { expect, test } from 'vitest'
import { inTrialOrder } from '../../../src/controller/pods/trial-order.ts'

type Label = 'pod-template-hash' | 'rollouts-pod-template-hash' | 'controller-revision-hash'

const pod = (name: string, template: string, second: number, isReady = true, label?: Label): V1Pod => ({
  metadata: {
    name,
    labels: { [label ?? 'pod-template-hash']: template },
    creationTimestamp: new Date(second * 1_000),
  },
  status: { conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False' }] },
})

const rows: [string, V1Pod[], string[]][] = [
  ['without any Pod', [], []],
  ['of one template, as they were listed', [pod('a', '1', 1), pod('b', '1', 2)], ['a', 'b']],
  ['Ready ones first', [pod('a', '1', 1, false), pod('b', '1', 2)], ['b', 'a']],
  [
    'of the newest template first, each group as it was listed',
    [pod('a', '1', 1), pod('b', '2', 5), pod('c', '1', 2), pod('d', '2', 4)],
    ['b', 'd', 'a', 'c'],
  ],
  [
    'a Ready one of the old template before a new one that is not',
    [pod('a', '2', 5, false), pod('b', '1', 1)],
    ['b', 'a'],
  ],
  [
    'where none is Ready, those of the newest template first',
    [pod('a', '1', 1, false), pod('b', '2', 5, false)],
    ['b', 'a'],
  ],
  [
    'of a StatefulSet or DaemonSet',
    [
      pod('a', 'web-1', 1, true, 'controller-revision-hash'),
      pod('b', 'web-2', 5, true, 'controller-revision-hash'),
    ],
    ['b', 'a'],
  ],
  [
    'of an Argo Rollout',
    [
      pod('a', '1', 1, true, 'rollouts-pod-template-hash'),
      pod('b', '2', 5, true, 'rollouts-pod-template-hash'),
    ],
    ['b', 'a'],
  ],
]

test.each(rows)('Pods %s', (_, pods, expected) => {
  expect(inTrialOrder(pods).map(({ metadata }) => metadata?.name)).toEqual(expected)
})
