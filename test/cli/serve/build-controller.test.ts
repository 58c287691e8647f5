import { createServer } from 'node:http'
import { expect, test } from 'vitest'
import { buildController } from '../../../src/cli/serve/build-controller.ts'
import { readControllerFlags } from '../../../src/cli/serve/controller-flags.ts'
import { UserError } from '../../../src/errors.ts'
import type { KubeClient } from '../../../src/kube/client.ts'
import { builtInDefaults } from '../../../src/policy/defaults.ts'
import { createLog } from '../../../src/telemetry/log.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'
import { until } from '../../support/until.ts'

/** @param elected whether the API server gives it the Lease. @param flags of the controller */
function build({ elected = false, flags = {} }: { elected?: boolean; flags?: ControllerFlags } = {}) {
  const calls: string[] = []
  const client: KubeClient = {
    namespace: 'hotreload-system',
    async call({ method, path, body }) {
      calls.push(`${method} ${path}`)
      if (path.endsWith('/deployments/hotreload-controller')) return { status: 200, body: {} }
      return elected && method !== 'GET' && path.includes('/leases')
        ? { status: method === 'POST' ? 201 : 200, body }
        : { status: 404, body: {} }
    },
    async stream({ path }) {
      calls.push(`GET ${path}`)
      return { status: 404, parts: (async function* () {})() }
    },
  }
  const metrics = createMetrics()
  let issued = 0
  const authority = {
    async current() {
      issued += 1
      return { cert: '', key: '', expires: new Date() }
    },
  }
  const controller = buildController(
    { log: createLog('error', { write: () => undefined }), metrics, defaults: () => builtInDefaults },
    { client, installKey: () => undefined, authority },
    readControllerFlags(flags),
  )
  return { controller, calls, metrics, issued: () => issued }
}
type ControllerFlags = Parameters<typeof readControllerFlags>[0]

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

test('the replica that leads issues the certificate, and no other; with cert-manager none does', async () => {
  const leader = build({ elected: true })
  await leader.controller.start()
  await until('it issues', () => leader.issued() > 0)
  await leader.controller.close()

  const follower = build()
  await follower.controller.start()
  await until('it has asked for the Lease', () => follower.calls.some((call) => /^POST .*leases/.test(call)))
  await follower.controller.close()
  expect(follower.issued()).toBe(0)

  const withCertManager = build({ elected: true, flags: { issueCertificates: 'false' } })
  await withCertManager.controller.start()
  await until('it leads', async () =>
    (await withCertManager.metrics.registry.metrics()).includes('hotreload_leader 1'),
  )
  await withCertManager.controller.close()
  expect(withCertManager.issued()).toBe(0)
})

test('an alert whose sink does not take it holds up no end', async () => {
  let posts = 0
  const sink = createServer((_, response) => {
    posts += 1
    response.writeHead(503).end()
  })
  await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve))
  const alertUrl = `http://127.0.0.1:${Object(sink.address()).port}/`
  const { controller, metrics } = build({ elected: true, flags: { alertUrl } })
  await controller.start()
  await until('it leads', async () => (await metrics.registry.metrics()).includes('hotreload_leader 1'))
  controller.policyChanged?.(new UserError('HR_BAD_POLICY', 'policy file: empty', 'fill it'))
  await until('the alert', () => posts === 1)
  await controller.close()
  await until('its end', async () =>
    (await metrics.registry.metrics()).includes('hotreload_alerts_total{outcome="failed"} 1'),
  )
  expect(posts).toBe(1)
  await new Promise((resolve) => sink.close(resolve))
})

test('with --watch-namespaces it asks for nothing outside of them', async () => {
  const { controller, calls } = build({ elected: true, flags: { watchNamespaces: 'shop' } })
  await controller.start()
  await until('the lists', () => calls.some((call) => call.includes('/namespaces/shop/deployments')))
  await until('a Namespace', () => calls.some((call) => call.endsWith('/namespaces/shop')))
  await controller.close()
  const outside = calls.filter((call) => !/\/namespaces\/(shop|hotreload-system)(\/|$)/.test(call))
  expect(outside).toEqual([])
})
