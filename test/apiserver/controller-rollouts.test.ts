// Level-based rollouts against the real API server and its Deployment controller.
import type { V1Deployment } from '@kubernetes/client-node'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  configMap,
  deployment,
  leads,
  startTestController,
  type TestController,
} from '../support/controller.ts'
import { type Namespace, namespace, until } from '../support/kube.ts'

let own: Namespace
let ns: Namespace
let running: TestController[]
beforeEach(async () => {
  running = []
  own = await namespace()
  ns = await namespace({ 'hotreload.dev/injection': 'enabled' })
})
afterEach(async () => {
  await Promise.all(running.map((one) => one.stop()))
})

async function start(
  ...options: Parameters<typeof startTestController> extends [string, ...infer R] ? R : never
) {
  const controller = await startTestController(own.name, ...options)
  running.push(controller)
  return controller
}
async function generationOf(name = 'web'): Promise<number> {
  const { metadata } = await ns.get<V1Deployment>('deployment', name)
  return metadata?.generation ?? 0
}
const rolledTo = (generation: number, name = 'web') =>
  until(`generation ${generation}`, async () => (await generationOf(name)) === generation, 20_000)
/** As long as anything wrong would take to happen. */
const aWhile = (milliseconds = 3_000) => new Promise((resolve) => setTimeout(resolve, milliseconds))
const baselines = () =>
  until(
    'a baseline',
    async () => (await own.list<{ data?: object }>('configmap', 'hotreload.dev/part=baselines')).at(0)?.data,
    20_000,
  )

test('an edit of a ConfigMap in use: one rollout', async () => {
  await ns.apply([configMap('conf', { a: '1' }), deployment('web')])
  const controller = await start()
  await leads(controller)
  await baselines()
  await ns.apply(configMap('conf', { a: '2' }))
  await rolledTo(2)
  await aWhile()
  expect(await generationOf()).toBe(2)
  expect(controller.events).toMatchObject([{ reason: 'RolledOut', message: 'ConfigMap conf changed' }])
})
