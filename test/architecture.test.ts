/** Imports point one way (docs/architecture.md), and the pure tiers import nothing that could do anything. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../src')

/** From the top down: a file may import its own tier and those below it. `kube`, `tls`, `telemetry`: see the second test. */
const tiers: Record<string, number> = {
  main: 7,
  cli: 6,
  admission: 5,
  controller: 5,
  compat: 4,
  inject: 3,
  checksum: 3,
  policy: 2,
  alerts: 1,
  api: 1,
  async: 0,
  workload: 0,
}

/** Made in cli/ and passed in; the others see interfaces. */
const edges = new Set(['kube', 'tls', 'telemetry'])

/** Allowed from everywhere. */
const everywhere = new Set(['errors', 'version'])

const pure = new Set(['inject', 'checksum', 'policy', 'workload'])
const isPure = (file: string): boolean => pure.has(tierOf(file)) || file.startsWith('controller/decide/')

/** Of modules outside the project, those that compute and do nothing else; all others only as types. */
const computing = new Set(['node:crypto', 'node:util', 'yaml', 'fast-json-patch'])

interface Import {
  from: string
  to: string
  typeOnly: boolean
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(ROOT, file), 'utf8')
  const statement = /^(?:import|export)\s+(type\s+)?(?:[^'"`;]*?\sfrom\s+)?['"]([^'"]+)['"]/gm
  const dynamic = /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g
  return [
    ...[...text.matchAll(statement)].map(([, type, to = '']) => ({ to, typeOnly: type !== undefined })),
    ...[...text.matchAll(dynamic)].map(([, to = '']) => ({ to, typeOnly: false })),
  ].map(({ to, typeOnly }) => ({
    from: file,
    to: to.startsWith('.') ? relative(ROOT, join(ROOT, dirname(file), to)) : to,
    typeOnly,
  }))
}

const files = readdirSync(ROOT, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
const all = files.flatMap(importsOf)
/** `policy/decide.ts` -> policy, `main.ts` -> main. */
const tierOf = (path: string): string => path.split('/')[0]?.replace(/\.ts$/, '') ?? ''
const inProject = (path: string): boolean => path.endsWith('.ts')
const name = ({ from, to }: Import): string => `${from} imports ${to}`

test('every file lies in a tier that is known here', () => {
  const known = new Set([...Object.keys(tiers), ...edges, ...everywhere])
  expect(files.filter((file) => !known.has(tierOf(file)))).toEqual([])
})

test('the reader of imports finds them', () => {
  expect(all.length).toBeGreaterThan(100)
  expect(all.some(({ from, to }) => from === 'admission/pod-handler.ts' && to === 'inject/pod.ts')).toBe(true)
})

describe('imports point one way', () => {
  const inner = all.filter(({ to }) => inProject(to) && !everywhere.has(tierOf(to)))

  test('main → cli → { admission, controller } → compat → { inject, checksum } → policy → { alerts, api } → { async, workload }', () => {
    const wrong = inner.filter(({ from, to }) => {
      const [above, below] = [tiers[tierOf(from)], tiers[tierOf(to)]]
      if (above === undefined || below === undefined) return false
      return below > above || (below === above && tierOf(from) !== tierOf(to))
    })
    expect(wrong.map(name)).toEqual([])
  })

  test('kube, tls and telemetry are made in cli and passed in', () => {
    const wrong = inner.filter(
      ({ from, to }) => edges.has(tierOf(to)) && !edges.has(tierOf(from)) && tierOf(from) !== 'cli',
    )
    expect(wrong.map(name)).toEqual([])
  })

  test('kube, tls and telemetry know the interface to the API, and nothing above it', () => {
    const highest = tiers['api'] ?? 0
    const wrong = inner.filter(
      ({ from, to }) => edges.has(tierOf(from)) && (tiers[tierOf(to)] ?? 0) > highest,
    )
    expect(wrong.map(name)).toEqual([])
  })

  test('errors.ts and version.ts import nothing of the project', () =>
    expect(inner.filter(({ from }) => everywhere.has(tierOf(from))).map(name)).toEqual([]))
})

describe('the rooms of src', () => {
  /** `controller/cache/cache.ts` -> controller/cache; the files of src itself are no room. */
  const roomOf = (path: string): string => dirname(path)
  const between = all.filter(
    ({ from, to }) =>
      inProject(to) && roomOf(from) !== roomOf(to) && roomOf(from) !== '.' && roomOf(to) !== '.',
  )

  test('no two rooms import each other, not even by way of others', () => {
    let left = between
    for (;;) {
      // A room that imports nothing of those left is in no cycle.
      const importing = new Set(left.map(({ from }) => roomOf(from)))
      const next = left.filter(({ to }) => importing.has(roomOf(to)))
      if (next.length === left.length) break
      left = next
    }
    expect(left.map(name)).toEqual([])
  })

  test('reconciler → { pods, rollout } → cache → report → decide', () => {
    const order = [
      ['controller/decide'],
      ['controller/report'],
      ['controller/cache'],
      ['controller/pods', 'controller/rollout'],
      ['controller'],
    ]
    const levelOf = (path: string): number => order.findIndex((rooms) => rooms.includes(roomOf(path)))
    const wrong = between.filter(({ from, to }) => levelOf(from) >= 0 && levelOf(to) >= levelOf(from))
    expect(wrong.map(name)).toEqual([])
  })

  test('a room holds 15 files at most', () => {
    const rooms = Map.groupBy(files, roomOf)
    expect([...rooms].filter(([, own]) => own.length > 15).map(([room]) => room)).toEqual([])
  })
})

describe('inject, checksum, policy, workload and controller/decide are pure', () => {
  const ofPure = files.filter(isPure)

  test('of other modules they import types, or what computes and does nothing else', () => {
    const wrong = all.filter(
      ({ from, to, typeOnly }) => isPure(from) && !inProject(to) && !typeOnly && !computing.has(to),
    )
    expect(wrong.map(name)).toEqual([])
  })

  test.each(ofPure)('%s asks no clock, no chance, no process and no network', (file) => {
    const code = readFileSync(join(ROOT, file), 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
    expect(code).not.toMatch(
      /\bDate\b|performance\.|Math\.random|randomBytes|randomUUID|process\.\w|fetch\(|setTimeout/,
    )
  })
})

test('nothing but main.ts reads the process’s arguments, environment and streams', () => {
  const readers = files.filter((file) =>
    /\bprocess\.(argv|env|stdin|stdout|exit)/.test(readFileSync(join(ROOT, file), 'utf8')),
  )
  expect(readers.filter((file) => file !== 'main.ts')).toEqual([])
})
