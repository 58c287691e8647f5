/** Workloads that are made to be expensive: each is read within bounds, and what is left out is named. */
import { describe, expect, test } from 'vitest'
import { candidates } from '../../../src/compat/request/reload-request.ts'
import { type UsedSources, usedSources } from '../../../src/controller/decide/used-sources.ts'
import { summaryOf } from '../../support/summaries.ts'

const LIST = 'configmap.reloader.stakater.com/reload'
const PAUSE_PERIOD = 'deployment.reloader.stakater.com/pause-period'
const WAVE = { 'wave.pusher.com/update-on-config-change': 'true' }
const EXTRA = 'wave.pusher.com/extra-secrets'

const many = (count: number, item: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => item(index)).join()

interface Read {
  used: UsedSources
  problems: readonly string[]
}

/** Reads a workload with these annotations, where these ConfigMaps and any namespace exist. */
function read(own: Record<string, string>, names: readonly string[] = []): Read {
  const summary = summaryOf({ own, template: {} })
  const scope = { native: true, compat: true, isNamespace: () => true }
  return { used: usedSources(summary, scope, () => names), problems: summary.compat?.problems ?? [] }
}

const longNames = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${'a'.repeat(248)}${10_000 + index}`)

test('a name is matched in linear time, whatever the pattern', () => {
  expect(
    read({ [LIST]: `${'(a|a)?'.repeat(20)}b` }, ['a'.repeat(20), `${'a'.repeat(20)}b`]).used.compat,
  ).toHaveLength(1)
  expect(read({ [LIST]: `${'a?'.repeat(24)}${'a'.repeat(24)}` }, ['a'.repeat(24)]).used.compat).toHaveLength(
    1,
  )
})

test('2,000 patterns and 50 long names: the patterns that fit', () => {
  const { problems } = read({ [LIST]: many(2_000, (index) => `.*.*.*z${index}`) }, longNames(50))
  expect(problems).toEqual([
    `${LIST}: 2000 items; all after the first 500 are left out`,
    expect.stringMatching(/too many or too large regular expressions; "\.\*.* and all after it are left out/),
  ])
})

test('patterns are matched with all names or not at all, as far as together they are within the bound', () => {
  const matched: string[] = []
  const pattern = (text: string, size: number) => ({
    text,
    size,
    matches: (name: string) => matched.push(text + name) < 0,
  })
  const request = { ...summaryOf({ own: { [LIST]: 'a.*' } }).compat }
  const lists = new Map([
    ['ConfigMap' as const, [pattern('small', 10), pattern('large', 1_000), pattern('more', 10)]],
  ])
  const names = longNames(100)
  const notes: string[] = []
  const all = { auto: new Set<never>(), search: false, excluded: new Set<never>(), references: [], extra: [] }
  const rest = { tool: 'reloader', pausePeriod: undefined, resume: undefined, problems: [] }
  candidates(
    { ...request, ...all, ...rest, lists },
    'shop',
    () => names,
    (note) => notes.push(note),
  )
  expect(new Set(matched.map((text) => text.slice(0, 5)))).toEqual(new Set(['small']))
  expect(matched).toHaveLength(100)
  expect(notes).toEqual([
    '2 regular expressions of the list for ConfigMaps are left out: together they are too large for 100 names',
  ])
})

test('a pause period of 250,000 digits is no duration, and is quoted in part', () => {
  const own = { 'reloader.stakater.com/auto': 'true', [PAUSE_PERIOD]: '1'.repeat(250_000) }
  expect(read(own).problems).toEqual([
    `${PAUSE_PERIOD}: "${'1'.repeat(100)}…" is not a duration such as 5m, and is left out`,
  ])
})

describe('other namespaces', () => {
  test('of 5,000 that are named, the first 16 count', () => {
    const { used, problems } = read({ ...WAVE, [EXTRA]: many(5_000, (index) => `n${index}/s`) })
    const foreign = used.compat.map(({ use }) => use.namespace).filter((name) => name !== 'shop')
    expect(foreign).toEqual(Array.from({ length: 16 }, (_, index) => `n${index}`))
    expect(problems).toEqual([`${EXTRA}: 5000 items; all after the first 500 are left out`])
    expect(used.notes).toContain('annotations name 500 other namespaces; all after the first 16 are left out')
  })

  test('that do not exist are not watched', () => {
    const summary = summaryOf({ own: { ...WAVE, [EXTRA]: 'infra/ca,none/ca' }, template: {} })
    const isNamespace = (name: string) => name === 'infra'
    const used = usedSources(summary, { native: true, compat: true, isNamespace }, () => [])
    expect(used.compat.map(({ use }) => use.namespace)).toContain('infra')
    expect(used.compat.map(({ use }) => use.namespace)).not.toContain('none')
    expect(used.unknown).toMatchObject([{ namespace: 'none', name: 'ca' }])
  })
})

test('30,000 mistakes are a few sentences', () => {
  const { problems } = read({ [LIST]: many(30_000, (index) => `(${index}`) })
  expect(problems).toHaveLength(6)
  expect(problems.at(-1)).toMatch(/^\d+ more mistakes in annotations of other tools$/)
})

test('30,000 names are 500 sources and a note', () => {
  const { used, problems } = read({ [LIST]: many(30_000, (index) => `n${index}`) })
  expect(used.compat).toHaveLength(500)
  expect(problems).toEqual([`${LIST}: 30000 items; all after the first 500 are left out`])
})

test('a pattern that matches 10,000 names has 500 sources and a note', () => {
  const { used } = read(
    { [LIST]: 'n.*' },
    Array.from({ length: 10_000 }, (_, index) => `n${index}`),
  )
  expect(used.compat).toHaveLength(500)
  expect(used.notes).toEqual([
    'annotations name, or match, more than 500 ConfigMaps and Secrets; the rest is left out',
  ])
})

test('10,000 references are 500 sources and a note', () => {
  const containers = [
    {
      name: 'app',
      image: 'shop/app:1',
      envFrom: Array.from({ length: 10_000 }, (_, index) => ({ configMapRef: { name: `n${index}` } })),
    },
  ]
  const scope = { native: true, compat: true, isNamespace: () => true }
  const used = usedSources(summaryOf({ spec: { containers } }), scope, () => [])
  expect([used.rollout.length, used.inPlace.length]).toEqual([500, 0])
  expect(used.notes).toEqual(['uses 10000 ConfigMaps and Secrets; all after the first 500 are left out'])
})

describe('ten times the input takes at most ten times as long, with slack', () => {
  const inputs: Record<string, (size: number) => Record<string, string>> = {
    'a list of names': (size) => ({ [LIST]: many(size, (index) => `n${index}`) }),
    'a list of mistakes': (size) => ({ [LIST]: many(size, (index) => `(${index}`) }),
    'one long item': (size) => ({ [LIST]: '(a|a)?'.repeat(size) }),
    'a pause period': (size) => ({
      'reloader.stakater.com/auto': 'true',
      [PAUSE_PERIOD]: '1'.repeat(size * 5),
    }),
    'other namespaces': (size) => ({ ...WAVE, [EXTRA]: many(size, (index) => `n${index}/s`) }),
  }
  /** Milliseconds of this thread's work: those of others on a busy machine do not count. */
  const best = (run: () => unknown): number =>
    Math.min(
      ...Array.from({ length: 5 }, () => {
        const before = process.threadCpuUsage()
        run()
        const { user, system } = process.threadCpuUsage(before)
        return (user + system) / 1_000
      }),
    )
  test.each(Object.entries(inputs))('%s', (_, input) => {
    const [small, large] = [input(3_000), input(30_000)]
    expect(best(() => read(large))).toBeLessThan(
      30 *
        Math.max(
          1,
          best(() => read(small)),
        ),
    )
  })
})
