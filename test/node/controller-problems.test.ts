// The controller reports an agent's refusal as an Event, because nobody reads the /status of every Pod.
import { afterEach, beforeAll, expect, test } from 'vitest'
import { settled, startTestController, type TestController } from '../support/controller.ts'
import { images, namespace, until } from '../support/kube.ts'
import { configMap, configMapVolume, deployment, serves } from '../support/reload.ts'
import { type Webhook, webhook } from '../support/webhook.ts'

let image = ''
let hook: Webhook
let controller: TestController | undefined
beforeAll(async () => {
  ;[image = ''] = await images('reader', 'hotreload-agent')
  hook = await webhook()
})
afterEach(() => controller?.stop())

test('an agent refuses a signal that the program does not handle, and the Deployment gets one Event', async () => {
  const [own, ns] = [await namespace(), await hook.namespace()]
  const container = { image, volumeMounts: [{ name: 'config', mountPath: '/etc/reader' }] }
  const options = { replicas: 2, annotations: { 'hotreload.dev/signal': 'SIGUSR2' } }
  await ns.apply([
    configMap('config', { config: 'one' }),
    deployment(container, [configMapVolume('config')], options),
  ])
  const pods = await ns.podsReady('app=web', 2)
  await Promise.all(pods.map((pod) => serves(ns, pod, 'one')))
  controller = await startTestController(own.name, { only: [ns.name] })
  const { events } = controller
  await settled(controller)
  await ns.apply(configMap('config', { config: 'two' }))
  const event = await until(
    'the Event',
    () => events.find(({ reason }) => reason === 'ReloadRefused'),
    300_000,
  )
  expect(event).toMatchObject({ kind: 'Deployment', name: 'web' })
  expect(event.message).toMatch(
    /^Pod web-\S+( \(and 1 more\))?, container web, at \S+Z: SIGUSR2 not sent: .*\[HR_SIGNAL_REFUSED\]$/,
  )
  await settled(controller)
  expect(events.filter(({ reason }) => reason === 'ReloadRefused')).toHaveLength(1)
})
