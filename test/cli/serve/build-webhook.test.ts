import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildWebhook } from '../../../src/cli/serve/build-webhook.ts'
import { readServeOptions } from '../../../src/cli/serve/options.ts'
import { builtInDefaults } from '../../../src/policy/defaults.ts'
import { createLog } from '../../../src/telemetry/log.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'
import { until } from '../../support/until.ts'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hotreload-webhook-'))
})
afterAll(() => rm(directory, { recursive: true }))

test('without a certificate it listens and is not ready; once released it looks for none', async () => {
  const lines: Record<string, unknown>[] = []
  const never = new AbortController().signal
  const webhook = buildWebhook({
    options: readServeOptions({ port: '0', tlsDir: directory, only: 'webhook' }),
    io: {
      environment: {},
      drain: never,
      now: never,
      drainTimes: { settleMilliseconds: 0, idleMilliseconds: 0 },
    },
    log: createLog('info', { write: (line) => lines.push(JSON.parse(line)) }),
    metrics: createMetrics(),
    defaults: () => builtInDefaults,
    cluster: undefined,
  })
  expect(await webhook.start()).toBeGreaterThan(0)
  expect(webhook.notReady()).toMatch(/^no certificate yet/)
  const failures = () => lines.filter(({ msg }) => msg === 'certificate not read; trying again')
  await until('the certificate is looked for', () => failures().length > 0)
  expect(failures()[0]).toMatchObject({
    level: 'error',
    error: expect.stringContaining(directory),
  })
  expect(webhook.notReady()).toMatch(/^no certificate yet: .*tls.crt can't be read \(ENOENT\)/)
  await webhook.release()
  await webhook.drain?.()
  expect(lines.at(-1)).toMatchObject({ msg: 'draining' })
  await webhook.close()
})
