import { describe, expect, test } from 'vitest'
import { controllerFlags, readControllerFlags } from '../../../src/cli/serve/controller-flags.ts'
import { serveFlags } from '../../../src/cli/serve/options.ts'
import { defaultCompatOptions } from '../../../src/compat/request/options.ts'
import { defaultRolloutLimits } from '../../../src/controller/rollout/limiter.ts'

const compat = (...given: Parameters<typeof readControllerFlags>) => readControllerFlags(...given).compat

test('without flags: everything as it is by default', () => {
  expect(readControllerFlags({})).toEqual({
    compat: defaultCompatOptions,
    limits: defaultRolloutLimits,
    maxNudgesPerSecond: 200,
    evictUninjected: false,
    issueCertificates: true,
    watchNamespaces: undefined,
    alertSinks: [],
  })
})

test('namespaces to watch, each once; Reloader’s own list is another one', () => {
  const { watchNamespaces, compat } = readControllerFlags({
    watchNamespaces: 'shop, bank,shop',
    namespaces: 'a',
  })
  expect(watchNamespaces).toEqual(['shop', 'bank'])
  expect(compat.namespaces).toEqual(new Set(['a']))
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

test('Go’s words for booleans', () => {
  for (const word of ['True', '1', 'T', 'TRUE', 't'])
    expect(compat({ autoReloadAll: word }).autoReloadAll).toBe(true)
  for (const word of ['False', '0', 'F', ''])
    expect(compat({ autoReloadAll: word }).autoReloadAll).toBe(false)
})

test('lists are CSV, as Reloader’s chart writes them', () => {
  const lists = compat({ namespaces: '"a","b"', namespacesToIgnore: '"c"', namespaceSelector: '"env=test"' })
  expect([...(lists.namespaces ?? [])]).toEqual(['a', 'b'])
  expect([...lists.ignoredNamespaces]).toEqual(['c'])
  expect(lists.namespaceSelector).toEqual([{ key: 'env', operator: 'in', values: ['test'] }])
  expect(compat({ resourceLabelSelector: '"env in (a,b),!old"' }).resourceSelector).toEqual([
    { key: 'env', operator: 'in', values: ['a', 'b'] },
    { key: 'old', operator: 'absent', values: [] },
  ])
})

test('flags of Reloader’s that have no effect are accepted', () => {
  const given = { logFormat: 'json', enableHa: true, enablePprof: 'false', pprofAddr: ':6060' } as const
  expect(compat(given)).toEqual(defaultCompatOptions)
})

test('renamed annotations: a key that is Reloader’s own is none', () => {
  const given = { autoAnnotation: 'example.com/auto', ignoreAnnotation: 'reloader.stakater.com/ignore' }
  expect(compat(given).renamedKeys).toEqual(new Map([['reloader.stakater.com/auto', 'example.com/auto']]))
})

test.each([
  [{ compat: 'some' }, '--compat: "some" is not a valid value; use all or none'],
  [{ maxReplacedPods: '-1' }, '--max-replaced-pods: "-1" is not a valid value; use a whole number'],
  [{ maxNudgesPerSecond: '0.5' }, '--max-nudges-per-second: "0.5" is not a valid value; use a whole number'],
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
  [
    { ignoredWorkloadTypes: 'constructor' },
    '--ignored-workload-types: "constructor" is not a valid value; use jobs, cronjobs',
  ],
  [{ autoReloadAll: 'on' }, '--auto-reload-all: "on" is not a valid value; use true or false'],
  [{ namespaces: 'a"b' }, '--namespaces: "a\\"b" is not a valid value; use a list such as a,b'],
  [{ logFormat: 'text' }, '--log-format: "text" is not a valid value; use json'],
  [
    { webhookUrl: 'https://me:secret@example.com' },
    '--webhook-url: a call in place of a rollout is not possible; leave it out',
  ],
  [
    { watchNamespaces: 'shop,../nodes' },
    '--watch-namespaces: "../nodes" is not a valid value; use the names',
  ],
  [{ autoAnnotation: 'a b' }, '--auto-annotation: "a b" is not a valid value; use an annotation key'],
  [
    { pauseDeploymentTimeAnnotation: 'example.com/paused-at' },
    '--pause-deployment-time-annotation: "example.com/paused-at" is not a valid value; leave it out',
  ],
  [{ namespaceSelector: 'a b' }, '--namespace-selector: "a b" is not a valid value'],
])('%j', (given, problem) => {
  expect(() => readControllerFlags(given)).toThrow(problem)
  expect(() => readControllerFlags(given)).toThrow(/\[HR_BAD_FLAG\]$/)
})

test('each flag of Reloader’s is one of ours', () => {
  const flags = Object.values({ ...controllerFlags, ...serveFlags }).map(({ flags }) => flags.split(' ')[0])
  // Its source, v1.4: ConfigureReloaderFlags in internal/pkg/util/util.go.
  const theirs =
    'auto-reload-all configmap-annotation secret-annotation auto-annotation ignore-annotation configmap-auto-annotation secret-auto-annotation auto-search-annotation search-match-annotation pause-deployment-annotation pause-deployment-time-annotation log-format log-level webhook-url resources-to-ignore ignored-workload-types namespaces namespaces-to-ignore namespace-selector resource-label-selector is-Argo-Rollouts reload-strategy reload-on-create reload-on-delete enable-ha sync-after-restart enable-pprof pprof-addr enable-csi-integration'
  for (const name of theirs.split(' ')) expect(flags).toContain(`--${name}`)
})
