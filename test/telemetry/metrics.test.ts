import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { createProbeServer } from '../../src/telemetry/probes.ts'

const metrics = createMetrics()
let reason: string | undefined
const server = createProbeServer({ registry: metrics.registry, notReady: () => reason })
let base: string

beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  base = `http://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`
})
afterAll(() => server.close())

describe('the probe port', () => {
  test('/healthz is 200 while the process answers', async () => {
    expect((await fetch(`${base}/healthz`)).status).toBe(200)
  })

  test('/readyz is 200, or 503 with the reason', async () => {
    expect((await fetch(`${base}/readyz`)).status).toBe(200)
    reason = 'no certificate yet'
    const response = await fetch(`${base}/readyz`)
    expect(response.status).toBe(503)
    expect(await response.text()).toBe('no certificate yet\n')
  })

  test('only GET and HEAD are allowed, and only these three paths exist', async () => {
    expect((await fetch(`${base}/metrics`, { method: 'POST' })).status).toBe(405)
    expect((await fetch(`${base}/`)).status).toBe(404)
  })

  test('/metrics counts reviews by kind, outcome and reason, and has the certificate’s expiry', async () => {
    metrics.answered({ kind: 'Pod', outcome: 'injected', reason: undefined, seconds: 0.000_2 })
    metrics.answered({ kind: 'Pod', outcome: 'skipped', reason: 'hostPID', seconds: 0.000_2 })
    metrics.answered({ kind: 'x'.repeat(1_000_000), outcome: 'skipped', reason: 'notRequested', seconds: 1 })
    metrics.refused('HR_BAD_JSON')
    metrics.certificate('serving', new Date(1_700_000_000_000))
    const response = await fetch(`${base}/metrics`)
    expect(response.headers.get('content-type')).toContain('text/plain')
    const text = await response.text()
    expect(text).toContain('hotreload_admission_requests_total{kind="Pod",outcome="injected",reason=""} 1')
    expect(text).toContain(
      'hotreload_admission_requests_total{kind="Pod",outcome="skipped",reason="hostPID"} 1',
    )
    expect(text).toContain(
      'hotreload_admission_requests_total{kind="other",outcome="skipped",reason="notRequested"} 1',
    )
    expect(text).toContain('hotreload_admission_duration_seconds_bucket{le="0.00025",kind="Pod"} 2')
    expect(text).toContain('hotreload_admission_refused_total{code="HR_BAD_JSON"} 1')
    expect(text).toContain('hotreload_certificate_expiry_timestamp_seconds{certificate="serving"} 1700000000')
    expect(text).toContain('process_resident_memory_bytes')
    expect(text.length).toBeLessThan(50_000)
  })
})
