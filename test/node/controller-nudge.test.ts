// From `kubectl apply` of a ConfigMap to the reloaded process, on a kubelet with its default sync period (1 minute).
import type { V1Pod } from '@kubernetes/client-node'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { settled, startTestController, type TestController } from '../support/controller.ts'
import { images, type Namespace, namespace, until } from '../support/kube.ts'
import { configMap, configMapVolume, deployment, expectUntouched, serves } from '../support/reload.ts'
import { type Webhook, webhook } from '../support/webhook.ts'

let image = ''
let hook: Webhook
let controller: TestController | undefined
beforeAll(async () => {
  ;[image = ''] = await images('reader', 'hotreload-agent')
  hook = await webhook()
})
afterEach(() => controller?.stop())

async function start(replicas: number, annotations: Record<string, string> = {}) {
  const [own, ns] = [await namespace(), await hook.namespace()]
  const mounted = { volumeMounts: [{ name: 'config', mountPath: '/etc/reader' }] }
  const options = { replicas, annotations: { 'hotreload.dev/signal': 'SIGHUP', ...annotations } }
  await ns.apply([
    configMap('config', { config: 'one' }),
    deployment({ image, ...mounted }, [configMapVolume('config')], options),
  ])
  const pods = await ns.podsReady('app=web', replicas)
  await Promise.all(pods.map((pod) => serves(ns, pod, 'one')))
  controller = await startTestController(own.name, { only: [ns.name] })
  await settled(controller)
  return { ns, pods }
}

/** Milliseconds from the end of `kubectl apply` until each Pod serves `text`. */
async function measure(ns: Namespace, pods: V1Pod[], text: string): Promise<number[]> {
  await ns.apply(configMap('config', { config: text }))
  const began = performance.now()
  return Promise.all(
    pods.map((pod) =>
      until(`${pod.metadata?.name} serves ${text}`, async () => {
        const { body } = await ns.fetch(pod, '/', 8080)
        return body === text && performance.now() - began
      }),
    ),
  )
}
const isNudged = ({ metadata }: V1Pod) => metadata?.annotations?.['hotreload.dev/nudge'] !== undefined

test('every Pod loads an edit within seconds, without a restart or a rollout', async () => {
  const { ns, pods } = await start(3)
  const times = await measure(ns, pods, 'two')
  for (const pod of pods) await expectUntouched(ns, pod)
  const again = await measure(ns, pods, 'three')
  expect((await ns.list<V1Pod>('pods')).filter(isNudged)).toHaveLength(3)
  console.log('edit to served', [...times, ...again].map(Math.round).join(' '), 'ms')
})

test('canary: the controller nudges one Pod first, and the others when its agent reports loaded', async () => {
  const { ns, pods } = await start(3, { 'hotreload.dev/canary': '1' })
  await ns.apply(configMap('config', { config: 'two' }))
  const first = await until('one Pod is nudged', async () => {
    const some = (await ns.list<V1Pod>('pods')).filter(isNudged)
    return some.length > 0 && some
  })
  expect(first).toHaveLength(1)
  await Promise.all(pods.map((pod) => serves(ns, pod, 'two')))
  expect((await ns.list<V1Pod>('pods')).filter(isNudged)).toHaveLength(3)
})

test('pause: the controller nudges no Pod', async () => {
  const { ns } = await start(1, { 'hotreload.dev/pause': 'true' })
  await ns.apply(configMap('config', { config: 'two' }))
  await new Promise((resolve) => setTimeout(resolve, 3_000))
  expect((await ns.list<V1Pod>('pods')).filter(isNudged)).toEqual([])
})
