import { describe, expect, test } from 'vitest'
import {
  type CompatOptions,
  defaultCompatOptions,
  namespaceAllowed,
  selects,
} from '../../../src/compat/options.ts'
import { candidates, type ReloadRequest } from '../../../src/compat/reload-request.ts'
import { reloaderMarks, reloaderRequest } from '../../../src/compat/reloader/reloader.ts'
import { waveRequest } from '../../../src/compat/wave/wave.ts'
import { summarize } from '../../../src/controller/decide/workload-summary.ts'
import { builtInDefaults } from '../../../src/policy/defaults.ts'
import type { ApiObject } from '../../../src/workload/pod-template.ts'
import { deployment } from '../../support/controller.ts'

const names = { ConfigMap: ['conf', 'conf-a', 'other'], Secret: ['db'], SecretProviderClass: ['vault'] }

/** A workload of namespace shop that uses ConfigMap conf (env) and Secret db (a mounted volume); Secret spare is in no mount. */
function workload(metadata: Record<string, string>, template: Record<string, string> = {}) {
  const web = deployment('web', { metadata, template })
  const [container] = web.spec.template.spec.containers
  Object.assign(container ?? {}, {
    volumeMounts: [
      { name: 'db', mountPath: '/db' },
      { name: 'csi', mountPath: '/csi' },
    ],
  })
  Object.assign(web.spec.template.spec, {
    volumes: [
      { name: 'db', secret: { secretName: 'db' } },
      { name: 'spare', secret: { secretName: 'spare' } },
      {
        name: 'csi',
        csi: { driver: 'secrets-store.csi.k8s.io', volumeAttributes: { secretProviderClass: 'vault' } },
      },
    ],
  })
  return { ...web, metadata: { ...web.metadata, namespace: 'shop' } }
}
const chosen = (wish: ReloadRequest | undefined) =>
  wish &&
  candidates(wish, 'shop', (kind) => names[kind]).map(
    ({ use, needsMatch }) => `${use.kind}/${use.name}${needsMatch ? '?' : ''}`,
  )

describe('which sources Reloader’s annotations mean', () => {
  const r = 'reloader.stakater.com'
  type Row = [string, Record<string, string>, Record<string, string>, string[] | undefined]
  const rows: Row[] = [
    ['nothing asked', {}, {}, undefined],
    ['auto', { [`${r}/auto`]: 'true' }, {}, ['Secret/db', 'ConfigMap/conf']],
    ['auto in Go’s words', { [`${r}/auto`]: 'T' }, {}, ['Secret/db', 'ConfigMap/conf']],
    ['auto in words that are none', { [`${r}/auto`]: 'yes' }, {}, []],
    ['auto off', { [`${r}/auto`]: 'false' }, {}, undefined],
    ['auto of one kind', { [`configmap.${r}/auto`]: 'true' }, {}, ['ConfigMap/conf']],
    ['auto of one kind or all', { [`secret.${r}/auto`]: 'true', [`${r}/auto`]: 'false' }, {}, ['Secret/db']],
    ['a name that is not used', { [`configmap.${r}/reload`]: 'other' }, {}, ['ConfigMap/other']],
    [
      'names and patterns for the whole name',
      { [`configmap.${r}/reload`]: 'db, con.*,x' },
      {},
      ['ConfigMap/db', 'ConfigMap/x', 'ConfigMap/conf', 'ConfigMap/conf-a'],
    ],
    ['a pattern does not match a part', { [`configmap.${r}/reload`]: '.onf' }, {}, ['ConfigMap/conf']],
    [
      'a list is not vetoed by auto: false',
      { [`${r}/auto`]: 'false', [`secret.${r}/reload`]: 'db' },
      {},
      ['Secret/db'],
    ],
    ['search', { [`${r}/search`]: 'true' }, {}, ['Secret/db?', 'ConfigMap/conf?']],
    [
      'exclude wins over auto',
      { [`${r}/auto`]: 'true', [`configmaps.exclude.${r}/reload`]: 'conf' },
      {},
      ['Secret/db'],
    ],
    [
      'exclude wins over a list',
      { [`configmap.${r}/reload`]: 'conf,other', [`configmaps.exclude.${r}/reload`]: 'other' },
      {},
      ['ConfigMap/conf'],
    ],
    [
      'exclude of Secrets',
      { [`${r}/auto`]: 'true', [`secrets.exclude.${r}/reload`]: 'db' },
      {},
      ['ConfigMap/conf'],
    ],
    [
      'the template’s where the metadata has none',
      {},
      { [`${r}/auto`]: 'true' },
      ['Secret/db', 'ConfigMap/conf'],
    ],
    [
      'all or nothing: the metadata’s auto hides the template’s list',
      { [`${r}/auto`]: 'false' },
      { [`configmap.${r}/reload`]: 'conf' },
      undefined,
    ],
    [
      'per type: a metadata list of Secrets leaves the template’s of ConfigMaps',
      { [`secret.${r}/reload`]: 'db' },
      { [`configmap.${r}/reload`]: 'conf' },
      ['ConfigMap/conf', 'Secret/db'],
    ],
  ]
  test.each(rows)('%s', (_name, metadata, template, expected) => {
    expect(chosen(reloaderRequest(workload(metadata, template), defaultCompatOptions))).toEqual(expected)
  })

  const flags: [string, Partial<CompatOptions>, Record<string, string>, string[] | undefined][] = [
    ['--auto-reload-all', { autoReloadAll: true }, {}, ['Secret/db', 'ConfigMap/conf']],
    ['--auto-reload-all and auto: false', { autoReloadAll: true }, { [`${r}/auto`]: 'false' }, undefined],
    [
      '--resources-to-ignore=secrets',
      { ignoredKinds: new Set(['Secret' as const]) },
      { [`${r}/auto`]: 'true' },
      ['ConfigMap/conf'],
    ],
    [
      '--enable-csi-integration',
      { csi: true },
      { [`${r}/auto`]: 'true' },
      ['Secret/db', 'ConfigMap/conf', 'SecretProviderClass/vault'],
    ],
    [
      '--enable-csi-integration by kind',
      { csi: true },
      { [`secretproviderclass.${r}/auto`]: 'true' },
      ['SecretProviderClass/vault'],
    ],
    [
      '--enable-csi-integration by name',
      { csi: true },
      { [`secretproviderclass.${r}/reload`]: 'va.*' },
      ['SecretProviderClass/vault'],
    ],
    [
      '--enable-csi-integration, excluded',
      { csi: true },
      { [`${r}/auto`]: 'true', [`secretproviderclasses.exclude.${r}/reload`]: 'vault' },
      ['Secret/db', 'ConfigMap/conf'],
    ],
  ]
  test.each(flags)('%s', (_name, options, metadata, expected) => {
    expect(chosen(reloaderRequest(workload(metadata), { ...defaultCompatOptions, ...options }))).toEqual(
      expected,
    )
  })

  test.each(['[', 'a(?=b)', '(a+)+', '(a|b)*', '.*.*.*.*', '(a)\\1'])(
    '%s is reported and left out',
    (item) => {
      const wish = reloaderRequest(
        workload({ [`configmap.${r}/reload`]: `${item},conf` }),
        defaultCompatOptions,
      )
      expect(chosen(wish)).toEqual(['ConfigMap/conf'])
      expect(wish?.problems).toEqual([
        `configmap.${r}/reload: "${item}" is not a regular expression of the simple kind, and is left out; docs/migration.md`,
      ])
    },
  )

  test('what is left out is reported where nothing else is asked', () => {
    const problems = (metadata: Record<string, string>) =>
      reloaderRequest(workload(metadata), defaultCompatOptions)?.problems
    expect(problems({ [`configmap.${r}/reload`]: '(a+)+' })).toEqual([
      `configmap.${r}/reload: "(a+)+" is not a regular expression of the simple kind, and is left out; docs/migration.md`,
    ])
    expect(problems({ [`${r}/auto`]: 'ture', [`${r}/search`]: 'True' })).toEqual([
      `${r}/auto: "ture" is neither "true" nor "false", and is left out`,
      `${r}/search: "True" is neither "true" nor "false", and is left out`,
    ])
    expect(problems({ [`${r}/auto`]: 'false', [`configmap.${r}/auto`]: '' })).toBeUndefined()
  })

  test.each(['conf-(a|b)', 'conf-[a-z]+', '.*-conf.*', '(?i)CONF', '(blue|green)-(a|b)?.*'])(
    '%s is a regular expression',
    (item) => {
      expect(
        reloaderRequest(workload({ [`configmap.${r}/reload`]: item }), defaultCompatOptions)?.problems,
      ).toEqual([])
    },
  )
})

test('pause-period is a Go duration, on Deployments', () => {
  const key = 'deployment.reloader.stakater.com/pause-period'
  const auto = { 'reloader.stakater.com/auto': 'true' }
  const of = (value: string, kind = 'Deployment') =>
    reloaderRequest({ ...workload({ ...auto, [key]: value }), kind }, defaultCompatOptions)
  expect(of('1h30m')?.pausePeriod).toBe(5_400_000)
  expect(of('1.5m')?.pausePeriod).toBe(90_000)
  expect(of('5')?.problems).toEqual([`${key}: "5" is not a duration such as 5m, and is left out`])
  expect(of('5m', 'StatefulSet')?.pausePeriod).toBeUndefined()
})

test('a source says of itself whether it counts', () => {
  const source = (annotations: Record<string, string>, labels = {}) => ({ metadata: { annotations, labels } })
  const marks = (object: ApiObject, options: Partial<CompatOptions> = {}) =>
    reloaderMarks(object, { ...defaultCompatOptions, ...options })
  expect(marks(source({ 'reloader.stakater.com/match': 'true' }))).toEqual({ ignored: false, match: true })
  expect(marks(source({ 'reloader.stakater.com/ignore': 'true' }))).toEqual({ ignored: true, match: false })
  const resourceSelector = [{ key: 'reload', operator: 'in' as const, values: ['yes'] }]
  expect(marks(source({}, { reload: 'yes' }), { resourceSelector }).ignored).toBe(false)
  expect(marks(source({}, { reload: 'no' }), { resourceSelector }).ignored).toBe(true)
})

test('namespaces: one, some left out, or by label', () => {
  const allowed = (options: Partial<CompatOptions>, labels = {}) =>
    namespaceAllowed({ ...defaultCompatOptions, ...options }, 'shop', labels)
  expect(allowed({})).toBe(true)
  expect(allowed({ namespaces: new Set(['other']) })).toBe(false)
  expect(allowed({ ignoredNamespaces: new Set(['shop']) })).toBe(false)
  const namespaceSelector = [{ key: 'team', operator: 'exists' as const, values: [] }]
  expect(allowed({ namespaceSelector })).toBe(false)
  expect(allowed({ namespaceSelector }, { team: 'a' })).toBe(true)
})

test('selectors', () => {
  const one = (operator: 'in' | 'notIn' | 'exists' | 'absent', labels: Record<string, string>) =>
    selects([{ key: 'a', operator, values: ['1', '2'] }], labels)
  expect(['in', 'notIn', 'exists', 'absent'].map((operator) => one(operator as 'in', { a: '1' }))).toEqual([
    true,
    false,
    true,
    false,
  ])
  expect(['in', 'notIn', 'exists', 'absent'].map((operator) => one(operator as 'in', {}))).toEqual([
    false,
    true,
    false,
    true,
  ])
})

describe('Wave', () => {
  const on = { 'wave.pusher.com/update-on-config-change': 'true' }
  test('all that is referenced, and what is named besides', () => {
    const extra = {
      'wave.pusher.com/extra-configmaps': 'more, infra/ca',
      'wave.pusher.com/extra-secrets': 'token',
    }
    const wish = waveRequest(workload({ ...on, ...extra }))
    expect(chosen(wish)).toEqual([
      'ConfigMap/more',
      'ConfigMap/ca',
      'Secret/token',
      'Secret/db',
      'ConfigMap/conf',
    ])
    expect(wish?.extra.map(({ namespace }) => namespace)).toEqual(['shop', 'infra', 'shop'])
  })
  test('only where it is "true"', () => {
    expect(waveRequest(workload({ 'wave.pusher.com/update-on-config-change': 'false' }))).toBeUndefined()
    const mistaken = waveRequest(workload({ 'wave.pusher.com/update-on-config-change': 'yes' }))
    expect(chosen(mistaken)).toEqual([])
    expect(mistaken?.problems).toEqual([
      'wave.pusher.com/update-on-config-change: "yes" is neither "true" nor "false", and is left out',
    ])
  })
  test('a mistake in Reloader’s annotations does not hide them', () => {
    const both = workload({ ...on, 'reloader.stakater.com/auto': 'ture' })
    const { compat } = summarize(both, { defaults: builtInDefaults, compat: defaultCompatOptions }) ?? {}
    expect(compat).toMatchObject({ tool: 'wave', problems: [expect.stringContaining('"ture"')] })
    expect(chosen(compat)).toEqual(['Secret/db', 'ConfigMap/conf'])
  })
})
