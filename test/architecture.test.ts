/** Imports point one way (docs/architecture.md), and the pure folders import no module with side effects. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../src')

/** A file may import its own folder and those of a lower level. `kube`, `tls` and `telemetry` have their own tests below. */
const levels: Record<string, number> = {
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

/** cli/ creates their objects and passes them in; the others see interfaces. */
const edges = new Set(['kube', 'tls', 'telemetry'])

/** Allowed from everywhere. */
const everywhere = new Set(['errors', 'manual', 'version'])

const pure = new Set(['inject', 'checksum', 'policy', 'workload'])
const isPure = (file: string): boolean => pure.has(topFolderOf(file)) || file.startsWith('controller/decide/')

/** Modules outside the project without side effects. Pure files import only types of all others. */
const sideEffectFree = new Set(['node:crypto', 'node:util', 'yaml', 'fast-json-patch'])

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
const topFolderOf = (path: string): string => path.split('/')[0]?.replace(/\.ts$/, '') ?? ''
const inProject = (path: string): boolean => path.endsWith('.ts')
const name = ({ from, to }: Import): string => `${from} imports ${to}`

test('every file belongs to a known folder', () => {
  const known = new Set([...Object.keys(levels), ...edges, ...everywhere])
  expect(files.filter((file) => !known.has(topFolderOf(file)))).toEqual([])
})

test('importsOf finds imports', () => {
  expect(all.length).toBeGreaterThan(100)
  expect(all.some(({ from, to }) => from === 'admission/pod-handler.ts' && to === 'inject/pod.ts')).toBe(true)
})

describe('imports point one way', () => {
  const inner = all.filter(({ to }) => inProject(to) && !everywhere.has(topFolderOf(to)))

  test('main → cli → { admission, controller } → compat → { inject, checksum } → policy → { alerts, api } → { async, workload }', () => {
    const wrong = inner.filter(({ from, to }) => {
      const [above, below] = [levels[topFolderOf(from)], levels[topFolderOf(to)]]
      if (above === undefined || below === undefined) return false
      return below > above || (below === above && topFolderOf(from) !== topFolderOf(to))
    })
    expect(wrong.map(name)).toEqual([])
  })

  test('only cli imports kube, tls and telemetry', () => {
    const wrong = inner.filter(
      ({ from, to }) =>
        edges.has(topFolderOf(to)) && !edges.has(topFolderOf(from)) && topFolderOf(from) !== 'cli',
    )
    expect(wrong.map(name)).toEqual([])
  })

  test('kube, tls and telemetry import nothing above the level of api', () => {
    const highest = levels['api'] ?? 0
    const wrong = inner.filter(
      ({ from, to }) => edges.has(topFolderOf(from)) && (levels[topFolderOf(to)] ?? 0) > highest,
    )
    expect(wrong.map(name)).toEqual([])
  })

  test('errors.ts and version.ts import nothing of the project', () =>
    expect(inner.filter(({ from }) => everywhere.has(topFolderOf(from))).map(name)).toEqual([]))
})

describe('the folders of src', () => {
  /** `controller/cache/cache.ts` -> controller/cache. Imports of files directly in src don't count. */
  const folderOf = (path: string): string => dirname(path)
  const between = all.filter(
    ({ from, to }) =>
      inProject(to) && folderOf(from) !== folderOf(to) && folderOf(from) !== '.' && folderOf(to) !== '.',
  )

  test('imports between folders form no cycle', () => {
    let left = between
    for (;;) {
      // A folder that imports none of the remaining ones is in no cycle.
      const importing = new Set(left.map(({ from }) => folderOf(from)))
      const next = left.filter(({ to }) => importing.has(folderOf(to)))
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
    const levelOf = (path: string): number => order.findIndex((folders) => folders.includes(folderOf(path)))
    const wrong = between.filter(({ from, to }) => levelOf(from) >= 0 && levelOf(to) >= levelOf(from))
    expect(wrong.map(name)).toEqual([])
  })

  test('a folder has at most 15 files of its own', () => {
    const folders = Map.groupBy(files, folderOf)
    expect([...folders].filter(([, own]) => own.length > 15).map(([folder]) => folder)).toEqual([])
  })
})

describe('inject, checksum, policy, workload and controller/decide are pure', () => {
  const pureFiles = files.filter(isPure)

  test('of other modules they import only types, unless the module has no side effects', () => {
    const wrong = all.filter(
      ({ from, to, typeOnly }) => isPure(from) && !inProject(to) && !typeOnly && !sideEffectFree.has(to),
    )
    expect(wrong.map(name)).toEqual([])
  })

  test.each(pureFiles)('%s uses no clock, randomness, process or network', (file) => {
    const code = readFileSync(join(ROOT, file), 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
    expect(code).not.toMatch(
      /\bDate\b|performance\.|Math\.random|randomBytes|randomUUID|process\.\w|fetch\(|setTimeout/,
    )
  })
})

test('only main.ts reads the process’s arguments, environment and streams', () => {
  const readers = files.filter((file) =>
    /\bprocess\.(argv|env|stdin|stdout|exit)/.test(readFileSync(join(ROOT, file), 'utf8')),
  )
  expect(readers.filter((file) => file !== 'main.ts')).toEqual([])
})
