import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { controllerLabels } from '../../src/cli/serve/report/metric-labels.ts'
import { createControllerMetrics } from '../../src/telemetry/controller-metrics.ts'

function create() {
  const registry = new Registry()
  const metrics = createControllerMetrics(registry, controllerLabels)
  const sample = async (name: string) =>
    (await registry.getSingleMetricAsString(name)).split('\n').filter((line) => !line.startsWith('#'))
  return { metrics, sample }
}

test('a workload counts under its present reason only', async () => {
  const { metrics, sample } = create()
  metrics.waiting('Deployment/shop/web', 'quiet')
  metrics.waiting('Deployment/shop/api', 'quiet')
  metrics.waiting('Deployment/shop/web', 'limit')
  metrics.waiting('Deployment/shop/web', 'limit')
  metrics.waiting('Deployment/shop/api', undefined)
  metrics.waiting('Deployment/shop/api', undefined)
  const samples = await sample('hotreload_rollouts_waiting')
  expect(samples.filter((line) => !line.endsWith(' 0'))).toEqual([
    'hotreload_rollouts_waiting{reason="limit"} 1',
  ])
  expect(samples).toContain('hotreload_rollouts_waiting{reason="quiet"} 0')
})

test('Pods without the agent add up over the workloads', async () => {
  const { metrics, sample } = create()
  metrics.uninjected('Deployment/shop/web', 3)
  metrics.uninjected('Deployment/shop/api', 2)
  metrics.uninjected('Deployment/shop/web', 1)
  metrics.uninjected('Deployment/shop/api', 0)
  expect(await sample('hotreload_uninjected_pods')).toEqual(['hotreload_uninjected_pods 1'])
})

test('only the leader’s gauge is 1', async () => {
  const { metrics, sample } = create()
  expect(await sample('hotreload_leader')).toEqual(['hotreload_leader 0'])
  metrics.leads(true)
  expect(await sample('hotreload_leader')).toEqual(['hotreload_leader 1'])
})
