// A counter whose series appears with its first event hides that event from increase() and rate(). So all series exist before.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Counter, Gauge, Registry } from 'prom-client'
import { describe, expect, test } from 'vitest'
import { refusalCodes } from '../../../../src/admission/bounds/refusals.ts'
import { type Outcome, outcomes } from '../../../../src/admission/outcomes.ts'
import { webhookNames } from '../../../../src/admission/server.ts'
import { admissionLabels, controllerLabels } from '../../../../src/cli/serve/report/metric-labels.ts'
import { waitReasons } from '../../../../src/controller/decide/next-step.ts'
import { problemStates } from '../../../../src/controller/report/report.ts'
import { skipReasons } from '../../../../src/policy/decide.ts'
import { createControllerMetrics } from '../../../../src/telemetry/controller-metrics.ts'
import { createMetrics } from '../../../../src/telemetry/metrics.ts'
import { kindLabel, workloadKinds } from '../../../../src/workload/kinds.ts'

/** Each series of our metrics, without its value. */
async function seriesOf(registry: Registry): Promise<string[]> {
  const lines = (await registry.metrics()).split('\n').filter((line) => line.startsWith('hotreload_'))
  return lines.map((line) => line.slice(0, line.lastIndexOf(' '))).toSorted()
}

const kinds = workloadKinds.map(kindLabel)

describe('the webhook', () => {
  test('has every series of an answer and a refusal before the first one', async () => {
    const metrics = createMetrics(admissionLabels)
    const before = await seriesOf(metrics.registry)
    for (const webhook of webhookNames)
      for (const { outcome, reason } of outcomes[webhook] as readonly Outcome[])
        for (const kind of webhook === 'pods' ? ['Pod'] : kinds)
          metrics.answered({ kind, outcome, reason, seconds: 0.001 })
    for (const code of refusalCodes) metrics.refused(code)
    expect(await seriesOf(metrics.registry)).toEqual(before)
    expect(before).toContain(
      'hotreload_admission_requests_total{kind="Pod",outcome="failed",reason="internalError"}',
    )
    for (const reason of Object.keys(skipReasons))
      expect(before).toContain(
        `hotreload_admission_requests_total{kind="Pod",outcome="skipped",reason="${reason}"}`,
      )
  })

  test('knows every code that its sources refuse with', () => {
    const directory = join(import.meta.dirname, '../../../../src/admission')
    const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.ts'),
    )
    const text = files.map((name) => readFileSync(join(directory, name), 'utf8')).join('\n')
    const codes = new Set([...text.matchAll(/'(HR_[A-Z_]+)'/g)].map(([, code = '']) => code))
    expect([...codes].toSorted()).toEqual([...refusalCodes])
  })
})

describe('the controller', () => {
  test('has every series before its first event, and each that can grow starts at 0', async () => {
    const registry = new Registry()
    const metrics = createControllerMetrics(registry, controllerLabels)
    const before = await seriesOf(registry)
    for (const sample of await registry.getMetricsAsJSON())
      for (const { value } of sample.values)
        expect({ name: sample.name, value }).toEqual({ name: sample.name, value: 0 })
    for (const kind of kinds) {
      metrics.rollout('done', kind)
      metrics.rollout('failed', kind)
    }
    for (const reason of waitReasons) metrics.waiting(`Deployment/shop/${reason}`, reason)
    for (const why of ['forbidden', 'unavailable'] as const) metrics.unreadable(why)
    for (const state of problemStates) metrics.agentProblem(state)
    for (const outcome of ['done', 'failed'] as const) metrics.nudge(outcome, 1)
    for (const outcome of ['sent', 'failed'] as const) metrics.alert(outcome)
    for (const outcome of ['written', 'failed'] as const) metrics.event(outcome)
    expect(await seriesOf(registry)).toEqual(before)
  })

  test('leaves no counter or gauge without a series', async () => {
    const registry = new Registry()
    createControllerMetrics(registry, controllerLabels)
    for (const metric of registry.getMetricsAsArray()) {
      if (!(metric instanceof Counter || metric instanceof Gauge)) continue
      expect((await metric.get()).values.length).toBeGreaterThan(0)
    }
  })
})
