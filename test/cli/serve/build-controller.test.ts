import { expect, test } from 'vitest'
import { buildController } from '../../../src/cli/serve/build-controller.ts'
import { readControllerFlags } from '../../../src/cli/serve/controller-flags.ts'
import type { KubeClient } from '../../../src/kube/client.ts'
import { builtInDefaults } from '../../../src/policy/defaults.ts'
import { createLog } from '../../../src/telemetry/log.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'
import { until } from '../../support/until.ts'

function build() {
  const calls: string[] = []
  const client: KubeClient = {
    namespace: 'hotreload-system',
    async call({ method, path }) {
      calls.push(`${method} ${path}`)
      return { status: 404, body: {} }
    },
    async stream({ path }) {
      calls.push(`GET ${path}`)
      return { status: 404, parts: (async function* () {})() }
    },
  }
  const metrics = createMetrics()
  const controller = buildController(
    { log: createLog('error', { write: () => undefined }), metrics, defaults: () => builtInDefaults },
    { client, installKey: () => undefined, authority: undefined },
    readControllerFlags({}),
  )
  return { controller, calls, metrics }
}

test('before it is started it calls nobody, and is not ready', async () => {
  const { controller, calls, metrics } = build()
  expect(controller.notReady()).toBe('not all lists are complete')
  expect(calls).toEqual([])
  expect(await metrics.registry.metrics()).toMatch(/^hotreload_leader 0$/m)
  await controller.close()
})

test('it lists what it watches, takes part in the election, and stops once', async () => {
  const { controller, calls } = build()
  expect(await controller.start()).toBeUndefined()
  await until('the election', () => calls.some((call) => call.includes('/leases')))
  await until('the lists', () => calls.some((call) => call.includes('/deployments')))
  await controller.release()
  const before = calls.length
  await controller.close()
  expect(calls.length).toBe(before)
})
