import { expect, test } from 'vitest'
import type { Answered } from '../../../../src/admission/server.ts'
import { reportReview } from '../../../../src/cli/serve/report/review-report.ts'
import { createLog } from '../../../../src/telemetry/log.ts'
import { createMetrics } from '../../../../src/telemetry/metrics.ts'
import { review } from '../../../support/server.ts'

async function reported(answered: Partial<Answered>, level: 'debug' | 'info' = 'info') {
  const lines: Record<string, unknown>[] = []
  const log = createLog(level, { write: (line) => lines.push(JSON.parse(line)) })
  const metrics = createMetrics()
  const request = review().request as unknown as Answered['request']
  const answer = { outcome: 'injected', reason: '', response: { uid: 'u', allowed: true } }
  reportReview(
    {
      webhook: 'pods',
      request,
      answer: answer as unknown as Answered['answer'],
      seconds: 0.0123,
      ...answered,
    },
    log,
    metrics,
  )
  return { lines, metrics: await metrics.registry.metrics() }
}

test('a review that changed an object is counted, and logged with its uid and its time', async () => {
  const { lines, metrics } = await reported({})
  expect(lines).toMatchObject([
    { level: 'info', uid: review().request.uid, webhook: 'pods', kind: 'Pod', milliseconds: 12.3 },
  ])
  expect(metrics).toContain('hotreload_admission_requests_total{kind="Pod",outcome="injected",reason=""} 1')
})

test('a review that changed nothing is counted, and logged at level debug only', async () => {
  const answer = { outcome: 'skipped', reason: 'notRequested' } as unknown as Answered['answer']
  expect((await reported({ answer })).lines).toEqual([])
  expect((await reported({ answer }, 'debug')).lines).toMatchObject([{ level: 'debug', outcome: 'skipped' }])
  expect((await reported({ answer })).metrics).toContain('outcome="skipped",reason="notRequested"} 1')
})

test('an error of the handler is logged as an error', async () => {
  const { lines } = await reported({ error: new TypeError('x is undefined') })
  expect(lines).toMatchObject([{ level: 'error', error: 'TypeError: x is undefined' }])
})

test('what a request says about itself is cut to what Kubernetes allows', async () => {
  const long = 'x'.repeat(1_000_000)
  const request = {
    ...review().request,
    namespace: long,
    name: long,
    kind: { group: '', version: 'v1', kind: long },
  }
  const { lines } = await reported({ request: request as unknown as Answered['request'] })
  expect(lines).toMatchObject([{ namespace: 'x'.repeat(63), kind: 'x'.repeat(63), name: 'x'.repeat(253) }])
  const unnamed = { ...review().request, object: { metadata: { generateName: { a: long } } } }
  const { lines: others } = await reported({ request: unnamed as unknown as Answered['request'] })
  expect(JSON.stringify(others).length).toBeLessThan(1_000)
})
