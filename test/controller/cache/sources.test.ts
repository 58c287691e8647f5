import { expect, test } from 'vitest'
import { parseInstallKey } from '../../../src/cli/serve/install-key.ts'
import type { SourceReading } from '../../../src/controller/cache/read-source.ts'
import { createSources } from '../../../src/controller/cache/sources.ts'
import type { InstallKey } from '../../../src/workload/checksum.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const configMap = { kind: 'ConfigMap', namespace: 'shop', name: 'web', optional: false } as const
const secret = { kind: 'Secret', namespace: 'shop', name: 'db', optional: false } as const

const contentOf = (data: Record<string, string>) => ({ data, binaryData: {}, immutable: false })

/** Sources that all have the content of `setContent`. */
function sourcesOf(
  first: SourceReading['content'],
  installKey: () => InstallKey | undefined = () => undefined,
) {
  const clock = fakeClock()
  let content = first
  let isPaused = false
  let sharedWith = new Set<string>()
  let reads = 0
  const changes: { name: string; users: string[]; keysets: string[] }[] = []
  const sources = createSources({
    clock,
    async read() {
      reads += 1
      return { content, version: '1', marks: { ignored: false, match: false }, isPaused, sharedWith }
    },
    installKey,
    onChange: ({ name }, users, keysets) => changes.push({ name, users: [...users], keysets: [...keysets] }),
  })
  return {
    clock,
    sources,
    changes,
    reads: () => reads,
    setContent: async (next: SourceReading['content'], version: string) => {
      content = next
      sources.reportVersion(configMap, version)
      await clock.advance(1)
    },
    setPaused: async (version: string) => {
      isPaused = true
      sources.reportVersion(configMap, version)
      await clock.advance(1)
    },
    setSharedWith: async (namespace: string, version: string) => {
      sharedWith = new Set([namespace])
      sources.reportVersion(configMap, version)
      await clock.advance(1)
    },
  }
}

test('a Secret has a checksum as soon as there is an install key', async () => {
  let key: InstallKey | undefined
  const content = { data: { password: 'MQ==' }, binaryData: {}, immutable: false }
  const { clock, sources } = sourcesOf(content, () => key)
  sources.use('web', [secret])
  await clock.advance(60_000)
  expect(sources.state(secret).observed).toBe('unavailable')
  key = parseInstallKey('ab'.repeat(32))
  await clock.advance(2_000)
  expect(sources.state(secret).observed).toMatchObject({ hash: expect.stringContaining(`${key.id}.2:`) })
})

test('an overloaded API server gets fewer and fewer requests', async () => {
  const { clock, sources, reads } = sourcesOf('unavailable')
  sources.use('web', [configMap])
  await clock.advance(600_000)
  expect(reads()).toBeGreaterThan(15)
  expect(reads()).toBeLessThan(30)
})

test('no Secret is read without an install key', async () => {
  const { clock, sources, reads } = sourcesOf({ data: {}, binaryData: {}, immutable: false })
  sources.use('web', [secret])
  await clock.advance(60_000)
  expect(reads()).toBe(0)
})

test('a first reading changes no keyset, so that it nudges no Pod; a later difference does', async () => {
  const { clock, sources, changes, setContent } = sourcesOf(contentOf({ a: '1', b: '1' }))
  sources.use('web', [{ ...configMap, keys: ['a'] }])
  sources.use('api', [configMap])
  await clock.advance(1)
  expect(changes).toEqual([{ name: 'web', users: ['web', 'api'], keysets: [] }])
  await setContent(contentOf({ a: '1', b: '2' }), '2')
  expect(changes[1]).toEqual({ name: 'web', users: ['web', 'api'], keysets: ['*'] })
})

test('keys that a user adds are read for the first time: no keyset changes', async () => {
  const { clock, sources, changes } = sourcesOf(contentOf({ a: '1', b: '1' }))
  sources.use('web', [{ ...configMap, keys: ['a'] }])
  await clock.advance(1)
  sources.use('web', [{ ...configMap, keys: ['a', 'b'] }])
  await clock.advance(1)
  expect(changes.map(({ keysets }) => keysets)).toEqual([[], []])
})

test('a pause is reported, though the content stays', async () => {
  const { clock, sources, changes, setPaused } = sourcesOf(contentOf({ a: '1' }))
  sources.use('web', [configMap])
  await clock.advance(1)
  await setPaused('2')
  expect(changes[1]?.keysets).toEqual([])
  expect(sources.state(configMap).isPaused).toBe(true)
})

test('the namespaces that a source is shared with are reported, though the content stays', async () => {
  const { clock, sources, changes, setSharedWith } = sourcesOf(contentOf({ a: '1' }))
  sources.use('web', [configMap])
  await clock.advance(1)
  await setSharedWith('team', '2')
  expect(changes[1]?.keysets).toEqual([])
  expect([...sources.state(configMap).sharedWith]).toEqual(['team'])
})

test('a version that was read already is not read again', async () => {
  const { clock, sources, reads } = sourcesOf(contentOf({ a: '1' }))
  sources.use('web', [configMap])
  await clock.advance(1)
  sources.reportVersion(configMap, '1')
  sources.reportVersion({ ...configMap, name: 'unused' }, '1')
  await clock.advance(1)
  expect(reads()).toBe(1)
})

test('a source without users is forgotten', async () => {
  const { clock, sources } = sourcesOf(contentOf({ a: '1' }))
  sources.use('web', [configMap])
  sources.use('api', [configMap])
  await clock.advance(1)
  sources.use('web', [])
  expect(sources.size()).toBe(1)
  sources.use('api', [])
  expect(sources.size()).toBe(0)
  expect(sources.state(configMap).observed).toBeUndefined()
})

test('a refused source is read again every five minutes', async () => {
  const { clock, sources, reads } = sourcesOf('forbidden')
  sources.use('web', [configMap])
  await clock.advance(600_000)
  expect(reads()).toBe(3)
})

test('a ConfigMap that was immutable, deleted and created again with other content is known as such', async () => {
  const immutable = (a: string) => ({ ...contentOf({ a }), immutable: true })
  const { sources, setContent, clock } = sourcesOf(immutable('1'))
  const replaces = () => sources.state(configMap).replacesImmutable
  sources.use('web', [configMap])
  await clock.advance(1)
  expect(replaces()).toBe(false)
  await setContent('absent', '2')
  await setContent(immutable('2'), '3')
  expect(replaces()).toBe(true)
})

test('a ConfigMap that becomes immutable together with its change replaces none', async () => {
  const { sources, setContent, clock } = sourcesOf(contentOf({ a: '1' }))
  sources.use('web', [configMap])
  await clock.advance(1)
  await setContent({ ...contentOf({ a: '2' }), immutable: true }, '2')
  expect(sources.state(configMap).replacesImmutable).toBe(false)
})

test('many changed statuses of a SecretProviderClass are one read', async () => {
  const { clock, sources, reads } = sourcesOf(contentOf({ a: '1' }))
  const providerClass = { ...configMap, kind: 'SecretProviderClass' } as const
  sources.use('web', [providerClass])
  await clock.advance(1)
  for (const version of ['1', '2', '3', '4', '5']) {
    sources.reportVersion(providerClass, version)
    await clock.advance(100)
  }
  await clock.advance(1_000)
  expect(reads()).toBe(2)
})

/** Milliseconds of this thread's work for ten changes of a ConfigMap with 500 users, each of which uses so many others. */
async function costOfChanges(others: number): Promise<number> {
  const { clock, sources, setContent } = sourcesOf(contentOf({ a: '1' }))
  const uses = Array.from({ length: others }, (_, index) => ({ ...configMap, name: `other-${index}` }))
  for (let user = 0; user < 500; user++) sources.use(`web-${user}`, [configMap, ...uses])
  await clock.advance(1)
  const before = process.threadCpuUsage()
  for (const version of '23456789ab') await setContent(contentOf({ a: version }), version)
  const { user, system } = process.threadCpuUsage(before)
  return (user + system) / 1_000
}

test('a change costs the same, however many other sources its users have', async () => {
  // A walk over all that they use takes a hundred-fold.
  expect(await costOfChanges(500)).toBeLessThan(20 * Math.max(5, await costOfChanges(5)))
})
