import { describe, expect, test } from 'vitest'
import { readControllerFlags } from '../../../src/cli/serve/controller-flags.ts'
import { defaultCompatOptions } from '../../../src/compat/request/options.ts'
import { defaultRolloutLimits } from '../../../src/controller/rollout/limiter.ts'

const compat = (...given: Parameters<typeof readControllerFlags>) => readControllerFlags(...given).compat

test('without flags: everything as it is by default', () => {
  expect(readControllerFlags({})).toEqual({
    compat: defaultCompatOptions,
    limits: defaultRolloutLimits,
    evictUninjected: false,
    alertSinks: [],
  })
})

test('Reloader’s flags, with and without a value', () => {
  expect(
    compat({
      reloadStrategy: 'annotations',
      autoReloadAll: true,
      reloadOnCreate: 'true',
      reloadOnDelete: 'false',
      syncAfterRestart: true,
      isArgoRollouts: 'true',
      enableCsiIntegration: true,
      resourcesToIgnore: 'configMaps',
      ignoredWorkloadTypes: 'jobs,cronjobs',
      namespaces: 'a, b',
      namespacesToIgnore: 'c',
    }),
  ).toEqual({
    ...defaultCompatOptions,
    strategy: 'annotations',
    autoReloadAll: true,
    reloadOnCreate: true,
    csi: true,
    ignoredKinds: new Set(['ConfigMap']),
    ignoredWorkloads: new Set(['Job', 'CronJob']),
    namespaces: new Set(['a', 'b']),
    ignoredNamespaces: new Set(['c']),
  })
  expect(compat({ compat: 'none' }).enabled).toBe(false)
})

test('KUBERNETES_NAMESPACE is one namespace', () => {
  expect(compat({}, { KUBERNETES_NAMESPACE: 'shop' }).namespaces).toEqual(new Set(['shop']))
  expect(compat({}, { KUBERNETES_NAMESPACE: '' }).namespaces).toBeUndefined()
})

describe('a selector', () => {
  test.each([
    ['team:a', [{ key: 'team', operator: 'in', values: ['a'] }]],
    ['team:*', [{ key: 'team', operator: 'exists', values: [] }]],
    ['example.com/team=a', [{ key: 'example.com/team', operator: 'in', values: ['a'] }]],
    ['team!=a', [{ key: 'team', operator: 'notIn', values: ['a'] }]],
    ['team', [{ key: 'team', operator: 'exists', values: [] }]],
    ['!team', [{ key: 'team', operator: 'absent', values: [] }]],
    [
      'a:1,b',
      [
        { key: 'a', operator: 'in', values: ['1'] },
        { key: 'b', operator: 'exists', values: [] },
      ],
    ],
  ])('%s', (text, expected) =>
    expect(compat({ namespaceSelector: text }).namespaceSelector).toEqual(expected),
  )
})

test.each([
  [{ compat: 'some' }, '--compat: "some" is not a valid value; use all or none'],
  [{ maxReplacedPods: '-1' }, '--max-replaced-pods: "-1" is not a valid value; use a whole number'],
  [{ maxReplacedPodsPerNamespace: 'many' }, '--max-replaced-pods-per-namespace: "many"'],
  [
    { reloadStrategy: 'default' },
    '--reload-strategy: "default" is not a valid value; use env-vars or annotations',
  ],
  [{ isArgoRollouts: 'yes' }, '--is-Argo-Rollouts: "yes" is not a valid value; use true or false'],
  [
    { resourcesToIgnore: 'pods' },
    '--resources-to-ignore: "pods" is not a valid value; use configmaps, secrets',
  ],
  [{ namespaceSelector: 'a b' }, '--namespace-selector: "a b" is not a valid value'],
])('%j', (given, problem) => {
  expect(() => readControllerFlags(given)).toThrow(problem)
  expect(() => readControllerFlags(given)).toThrow(/\[HR_BAD_FLAG\]$/)
})
