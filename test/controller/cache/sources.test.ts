import { expect, test } from 'vitest'
import { parseInstallKey } from '../../../src/cli/serve/install-key.ts'
import type { SourceReading } from '../../../src/controller/cache/read-source.ts'
import { createSources } from '../../../src/controller/cache/sources.ts'
import type { InstallKey } from '../../../src/workload/checksum.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const configMap = { kind: 'ConfigMap', namespace: 'shop', name: 'web', optional: false } as const
const secret = { kind: 'Secret', namespace: 'shop', name: 'db', optional: false } as const

/** Sources that all read alike. */
function sourcesOf(
  content: SourceReading['content'],
  installKey: () => InstallKey | undefined = () => undefined,
) {
  const clock = fakeClock()
  let reads = 0
  const sources = createSources({
    clock,
    async read() {
      reads += 1
      return { content, version: '1', marks: { ignored: false, match: false }, isPaused: false }
    },
    installKey,
    onChange() {},
  })
  return { clock, sources, reads: () => reads }
}

test('a Secret that was read before the install key was is hashed as soon as there is one', async () => {
  let key: InstallKey | undefined
  const content = { data: { password: 'MQ==' }, binaryData: {}, immutable: false }
  const { clock, sources } = sourcesOf(content, () => key)
  sources.use('web', [secret])
  await clock.advance(60_000)
  expect(sources.state(secret).observed).toBe('unavailable')
  key = parseInstallKey('ab'.repeat(32))
  await clock.advance(2_000)
  expect(sources.state(secret).observed).toMatchObject({ hash: expect.stringContaining(`${key.id}:`) })
})

test('an API server that has no room is not asked each second', async () => {
  const { clock, sources, reads } = sourcesOf('unavailable')
  sources.use('web', [configMap])
  await clock.advance(600_000)
  expect(reads()).toBeGreaterThan(15)
  expect(reads()).toBeLessThan(30)
})

test('Secrets are not read again and again while there is no install key', async () => {
  const { clock, sources, reads } = sourcesOf({ data: {}, binaryData: {}, immutable: false })
  sources.use('web', [secret])
  await clock.advance(60_000)
  expect(reads()).toBe(0)
})
