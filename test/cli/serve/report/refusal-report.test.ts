import { afterEach, expect, test, vi } from 'vitest'
import { refusalReport } from '../../../../src/cli/serve/report/refusal-report.ts'
import { createLog } from '../../../../src/telemetry/log.ts'
import { createMetrics } from '../../../../src/telemetry/metrics.ts'

afterEach(() => void vi.restoreAllMocks())

function reporting() {
  const lines: Record<string, unknown>[] = []
  const metrics = createMetrics()
  const report = refusalReport(createLog('info', { write: (line) => lines.push(JSON.parse(line)) }), metrics)
  return { lines, metrics, report }
}

test('a thousand refusals of one code are all counted, and one is logged in ten seconds', async () => {
  const now = vi.spyOn(performance, 'now').mockReturnValue(0)
  const { lines, metrics, report } = reporting()
  for (let i = 0; i < 1_000; i += 1) report('HR_BAD_JSON', 400, 'body: empty')
  report('HR_NOT_FOUND', 404, 'GET /')
  now.mockReturnValue(9_999)
  report('HR_BAD_JSON', 400, 'body: empty')
  now.mockReturnValue(10_000)
  report('HR_BAD_JSON', 400, 'body: empty')
  expect(lines).toMatchObject([
    { level: 'warn', code: 'HR_BAD_JSON', status: 400, problem: 'body: empty', msg: 'request refused' },
    { code: 'HR_NOT_FOUND' },
    { code: 'HR_BAD_JSON', unlogged: 1_000 },
  ])
  expect(lines[0]).not.toHaveProperty('unlogged')
  expect(await metrics.registry.metrics()).toContain('refused_total{code="HR_BAD_JSON"} 1002')
})

test('refusals under overload are counted, and logged at level debug only', async () => {
  const { lines, metrics, report } = reporting()
  report('HR_OVERLOADED', 503, 'too many reviews at once')
  expect(lines).toEqual([])
  expect(await metrics.registry.metrics()).toContain('refused_total{code="HR_OVERLOADED"} 1')
})
