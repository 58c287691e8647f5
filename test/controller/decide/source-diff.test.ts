import { describe, expect, test } from 'vitest'
import { defaultCompatOptions } from '../../../src/compat/request/options.ts'
import {
  type Baseline,
  describeSources,
  diffSources,
  type SourceState,
} from '../../../src/controller/decide/source-diff.ts'
import { usedSources } from '../../../src/controller/decide/used-sources.ts'
import { keys, type WorkloadParts } from '../../support/builders.ts'
import { sourceState, summaryOf } from '../../support/summaries.ts'

const INSTALL_KEY = { id: '0a1b2c3d', key: new Uint8Array(32) }
const INJECT = keys({ inject: 'true' })
const SIGNAL = keys({ inject: 'true', signal: 'SIGHUP' })
const AUTO = { 'reloader.stakater.com/auto': 'true' }

function diff(
  parts: WorkloadParts,
  states: Record<string, SourceState>,
  {
    baseline = new Map(),
    installKey = INSTALL_KEY,
    ...options
  }: Partial<typeof defaultCompatOptions> & { baseline?: Baseline; installKey?: typeof INSTALL_KEY } = {},
) {
  const compat = { ...defaultCompatOptions, ...options }
  const summary = summaryOf(parts, compat)
  const used = usedSources(summary, { native: true, compat: true, isNamespace: () => true }, () => [])
  const unread = { ...sourceState(''), observed: undefined }
  const stateOf = ({ kind, name }: { kind: string; name: string }) => states[`${kind}/${name}`] ?? unread
  const result = diffSources(summary, used, { stateOf, baseline, installKey, compat })
  return { ...result, summary }
}

describe('a source that is reloaded in place', () => {
  const written = { ...SIGNAL, ...keys({ checksum: '{"ConfigMap/env":"old"}' }) }
  const spec = {
    containers: [
      {
        name: 'web',
        image: 'nginx:1.27',
        volumeMounts: [{ name: 'conf', mountPath: '/etc/nginx/conf.d' }],
        env: [{ name: 'MODE', valueFrom: { configMapKeyRef: { name: 'env', key: 'mode' } } }],
      },
    ],
    volumes: [{ name: 'conf', configMap: { name: 'web' } }],
  }

  test('needs no rollout', () => {
    const { merged } = diff({ template: SIGNAL }, { 'ConfigMap/web': sourceState('new') })
    expect([merged.changed, merged.unread, [...merged.desiredChecksums]]).toEqual([[], [], []])
  })

  test('needs one while it is immutable', () => {
    const immutable = sourceState('new', { observed: { hash: 'new', immutable: true } })
    const template = { ...SIGNAL, ...keys({ checksum: '{"ConfigMap/web":"old"}' }) }
    expect(diff({ template }, { 'ConfigMap/web': immutable }).merged.changed).toEqual(['ConfigMap/web'])
  })

  test('holds the rollout of another source back while it is unread, since it may be immutable', () => {
    const states = { 'ConfigMap/env': sourceState('new') }
    expect(diff({ template: written, spec }, states).merged).toMatchObject({
      changed: ['ConfigMap/env'],
      unread: ['ConfigMap/web'],
    })
    const read = { ...states, 'ConfigMap/web': sourceState('new') }
    expect(diff({ template: written, spec }, read).merged).toMatchObject({
      changed: ['ConfigMap/env'],
      unread: [],
    })
  })

  test('holds nothing back where it may not be read', () => {
    const forbidden: SourceState = { ...sourceState(''), observed: 'forbidden' }
    const states = { 'ConfigMap/env': sourceState('new'), 'ConfigMap/web': forbidden }
    expect(diff({ template: written, spec }, states).merged).toMatchObject({ unread: [], unreadable: [] })
  })
})

describe('the state that a source is compared with', () => {
  const states = { 'ConfigMap/web': sourceState('new') }

  test('is the template’s checksum for our own annotation, and the metadata’s for other tools’', () => {
    const metadata = { annotations: { ...AUTO, ...keys({ checksum: '{"ConfigMap/web":"old"}' }) } }
    const template = { ...INJECT, ...keys({ checksum: '{"ConfigMap/web":"old"}' }) }
    expect(diff({ template }, states).native.changed).toEqual(['ConfigMap/web'])
    const { native, compat } = diff({ template: {}, metadata }, states)
    expect([native.changed, compat.changed]).toEqual([[], ['ConfigMap/web']])
  })

  test('is a baseline of its own for other tools, which hash sources whole', () => {
    const { merged } = diff({ template: {}, own: AUTO }, states)
    expect([...merged.newBaselines]).toEqual([['compat:ConfigMap/web', 'new']])
    expect([...merged.desiredChecksums]).toEqual([['compat:ConfigMap/web', 'new']])
    const baseline = new Map([['compat:ConfigMap/web', 'old']])
    expect(diff({ template: {}, own: AUTO }, states, { baseline }).merged.changed).toEqual(['ConfigMap/web'])
  })
})

test('a checksum of an earlier version is recorded anew, and not rolled out', () => {
  const now = '0a1b2c3d.2:aaaaaaaaaaaaaaaa'
  const written = keys({ inject: 'true', checksum: '{"ConfigMap/web":"0a1b2c3d:bbbbbbbbbbbbbbbb"}' })
  const baseline = new Map([['ConfigMap/web', '0a1b2c3d:bbbbbbbbbbbbbbbb']])
  const states = { 'ConfigMap/web': sourceState(now) }
  const { merged } = diff({ template: written }, states, { baseline })
  expect([merged.changed, [...merged.newBaselines]]).toEqual([[], [['ConfigMap/web', now]]])
  const next = sourceState('0a1b2c3d.2:cccccccccccccccc')
  expect(
    diff({ template: written }, { 'ConfigMap/web': next }, { baseline: merged.newBaselines }).merged.changed,
  ).toEqual(['ConfigMap/web'])
})

describe('a source of another tool’s annotations', () => {
  const own = { ...AUTO }
  const baseline = new Map([['compat:ConfigMap/web', 'absent']])
  const states = { 'ConfigMap/web': sourceState('new') }

  test('does not count where it is marked as ignored', () => {
    const ignored = sourceState('new', { marks: { ignored: true, match: false } })
    const { compat } = diff({ template: {}, own }, { 'ConfigMap/web': ignored })
    expect(compat.desiredChecksums.size).toBe(0)
  })

  test('counts for search only where it is marked as match', () => {
    const search = { 'reloader.stakater.com/search': 'true' }
    const counted = (match: boolean) => {
      const state = sourceState('new', { marks: { ignored: false, match } })
      return diff({ template: {}, own: search }, { 'ConfigMap/web': state }).compat.desiredChecksums.size
    }
    expect([counted(true), counted(false)]).toEqual([1, 0])
  })

  test('rolls out when it appears, or vanishes, only where Reloader’s flags say so', () => {
    const appears = (reloadOnCreate: boolean) =>
      diff({ template: {}, own }, states, { baseline, reloadOnCreate }).compat.changed
    expect([appears(false), appears(true)]).toEqual([[], ['ConfigMap/web']])
    const vanishes = (reloadOnDelete: boolean) =>
      diff(
        { template: {}, own },
        { 'ConfigMap/web': sourceState('absent') },
        { baseline: new Map([['compat:ConfigMap/web', 'old']]), reloadOnDelete },
      ).compat.deleted
    expect([vanishes(false), vanishes(true)]).toEqual([[], ['ConfigMap/web']])
  })
})

describe('a source of another namespace', () => {
  const own = {
    'wave.pusher.com/update-on-config-change': 'true',
    'wave.pusher.com/extra-configmaps': 'other/db',
  }
  const parts = { template: {}, own, spec: { containers: [{ name: 'web' }] } }
  const shared = { sharedWith: new Set(['shop', 'more']) }
  const states = { 'ConfigMap/db': sourceState('0123456789abcdef', shared) }

  test('is compared under the install key, so that nobody can verify a guess at its content', () => {
    const [[id, checksum] = []] = diff(parts, states).compat.desiredChecksums
    expect(id).toBe('ConfigMap/other/db')
    expect(checksum).toMatch(/^0a1b2c3d\.2:[0-9a-f]{16}$/)
    expect(checksum).not.toContain('0123456789abcdef')
  })

  test('has another checksum than an equal one of another name or namespace', () => {
    const checksumOf = (from: string) => {
      const [, name = ''] = from.split('/')
      const state = { [`ConfigMap/${name}`]: sourceState('0123456789abcdef', shared) }
      const [[, checksum] = []] = diff(
        { ...parts, own: { ...own, 'wave.pusher.com/extra-configmaps': from } },
        state,
      ).compat.desiredChecksums
      return checksum
    }
    expect(new Set(['other/db', 'other2/db', 'other/guess'].map(checksumOf)).size).toBe(3)
  })

  test('that is not shared looks the same whether it exists, whatever it holds, and whatever is known of it', () => {
    const baseline = new Map([['compat:ConfigMap/other/db', '0a1b2c3d.2:0000000000000000']])
    const results = [
      sourceState('0123456789abcdef'),
      sourceState('fedcba9876543210', { sharedWith: new Set(['another']) }),
      sourceState('absent'),
      sourceState('', { observed: 'unavailable' }),
    ].flatMap((state) => [
      diff(parts, { 'ConfigMap/db': state }),
      diff(parts, { 'ConfigMap/db': state }, { baseline }),
    ])
    for (const { compat, notShared } of results) {
      expect(notShared).toEqual(['ConfigMap/other/db'])
      expect([compat.changed, compat.deleted, [...compat.newBaselines]]).toEqual([[], [], []])
    }
    const texts = results.map(({ compat }) => JSON.stringify([...compat.desiredChecksums]))
    expect(new Set(texts)).toEqual(
      new Set(['[]', JSON.stringify([['ConfigMap/other/db', '0a1b2c3d.2:0000000000000000']])]),
    )
  })

  test('that is shared rolls out when it changes', () => {
    const baseline = new Map([['compat:ConfigMap/other/db', '0a1b2c3d.2:0000000000000000']])
    expect(diff(parts, states, { baseline }).compat.changed).toEqual(['ConfigMap/other/db'])
  })

  test('is named with its namespace, one of the workload’s own without', () => {
    const { summary, ...result } = diff(parts, states)
    expect(describeSources(summary, result, ['ConfigMap/other/db'])).toEqual(['ConfigMap other/db'])
    const { summary: web, ...ofWeb } = diff({}, { 'ConfigMap/web': sourceState('new') })
    expect(describeSources(web, ofWeb, ['ConfigMap/web'])).toEqual(['ConfigMap web'])
  })
})
