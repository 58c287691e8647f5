import { describe, expect, test } from 'vitest'
import {
  inPlacePolicy,
  isSuspended,
  kindLabel,
  replacesItsPods,
  rolloutStatusOf,
  runsToCompletion,
  templateKindOf,
  templateKinds,
  workloadKindOf,
  workloadKinds,
} from '../../src/workload/kinds.ts'

const stateful = { apiVersion: 'apps/v1', kind: 'StatefulSet' }
const advanced = { apiVersion: 'apps.kruise.io/v1beta1', kind: 'StatefulSet' }

test('every row has a label of its own', () => {
  const labels = templateKinds.map(kindLabel)
  expect(new Set(labels).size).toBe(labels.length)
  expect(workloadKinds.map(kindLabel)).toEqual([
    'Deployment',
    'StatefulSet',
    'DaemonSet',
    'Job',
    'CronJob',
    'Rollout',
    'CloneSet',
    'StatefulSet.apps.kruise.io',
  ])
})

describe('a kind is found by its group and name', () => {
  test('two groups with the same kind are two rows', () => {
    expect(workloadKindOf(stateful)?.apiVersion).toBe('apps/v1')
    expect(workloadKindOf(advanced)?.apiVersion).toBe('apps.kruise.io/v1beta1')
  })

  test('any version of a group', () =>
    expect(workloadKindOf({ ...advanced, apiVersion: 'apps.kruise.io/v1alpha1' })?.plural).toBe(
      'statefulsets',
    ))

  test.each([
    { apiVersion: 'apps.example.com/v1', kind: 'Deployment' },
    { kind: 'Deployment' },
    { apiVersion: 'apps/v1', kind: 'constructor' },
    {},
  ])('%j is no row', (object) => {
    expect(templateKindOf(object)).toBeUndefined()
    expect(kindLabel(object)).toBe(object.kind ?? '')
    expect([replacesItsPods(object), runsToCompletion(object), rolloutStatusOf(object).progress]).toEqual([
      false,
      false,
      'done',
    ])
  })
})

test.each([
  ['Deployment', 'apps/v1', { paused: true }],
  ['CronJob', 'batch/v1', { suspend: true }],
  ['Job', 'batch/v1', { suspend: true }],
  ['Rollout', 'argoproj.io/v1alpha1', { paused: true }],
  ['CloneSet', 'apps.kruise.io/v1alpha1', { updateStrategy: { paused: true } }],
  ['StatefulSet', 'apps.kruise.io/v1beta1', { updateStrategy: { rollingUpdate: { paused: true } } }],
])('a %s of %s is suspended by its spec', (kind, apiVersion, spec) => {
  expect(isSuspended({ apiVersion, kind, spec })).toBe(true)
  expect(isSuspended({ apiVersion, kind, spec: {} })).toBe(false)
  expect(isSuspended({ ...stateful, spec })).toBe(false)
})

test.each([
  ['CloneSet', 'apps.kruise.io/v1alpha1', (type: string) => ({ updateStrategy: { type } })],
  [
    'StatefulSet',
    'apps.kruise.io/v1beta1',
    (podUpdatePolicy: string) => ({ updateStrategy: { rollingUpdate: { podUpdatePolicy } } }),
  ],
])('a %s of %s may keep its Pods', (kind, apiVersion, spec) => {
  const of = (policy: string) => inPlacePolicy({ apiVersion, kind, spec: spec(policy) })
  expect([of('InPlaceIfPossible'), of('InPlaceOnly'), of('ReCreate')]).toEqual([
    'InPlaceIfPossible',
    'InPlaceOnly',
    undefined,
  ])
})
