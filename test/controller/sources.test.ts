import { expect, test } from 'vitest'
import { createSources } from '../../src/controller/sources.ts'
import { parseInstallKey } from '../../src/kube/install-key.ts'
import type { InstallKey } from '../../src/workload/checksum.ts'
import { fakeClock } from '../support/fake-clock.ts'

test('a Secret that was read before the install key was is hashed as soon as there is one', async () => {
  const clock = fakeClock()
  let key: InstallKey | undefined
  const use = { kind: 'Secret', namespace: 'shop', name: 'db', optional: false } as const
  const sources = createSources({
    clock,
    read: async () => ({
      content: { data: { password: 'MQ==' }, binaryData: {}, immutable: false },
      version: '1',
      marks: { ignored: false, match: false },
      paused: false,
    }),
    installKey: () => key,
    onChange() {},
  })
  sources.use('web', [use])
  await clock.advance(60_000)
  expect(sources.state(use).observed).toBe('unavailable')
  key = parseInstallKey('ab'.repeat(32))
  await clock.advance(2_000)
  expect(sources.state(use).observed).toMatchObject({ hash: expect.stringContaining(`${key.id}:`) })
})

const marks = { ignored: false, match: false }

test('an API server that has no room is not asked each second', async () => {
  const clock = fakeClock()
  let reads = 0
  const sources = createSources({
    clock,
    async read() {
      reads += 1
      return { content: 'unavailable', version: '', marks, paused: false }
    },
    installKey: () => undefined,
    onChange() {},
  })
  sources.use('web', [{ kind: 'ConfigMap', namespace: 'shop', name: 'web', optional: false }])
  await clock.advance(600_000)
  expect(reads).toBeGreaterThan(15)
  expect(reads).toBeLessThan(30)
})

test('Secrets are not read again and again while there is no install key', async () => {
  const clock = fakeClock()
  let reads = 0
  const sources = createSources({
    clock,
    async read() {
      reads += 1
      return { content: { data: {}, binaryData: {}, immutable: false }, version: '1', marks, paused: false }
    },
    installKey: () => undefined,
    onChange() {},
  })
  sources.use('web', [{ kind: 'Secret', namespace: 'shop', name: 'db', optional: false }])
  await clock.advance(60_000)
  expect(reads).toBe(0)
})
