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
