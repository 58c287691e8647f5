// The controller reports what agents refuse and what they restart as Events, because nobody reads the /status of every Pod.
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

test('a container that was restarted for its variables has an Event with the reason', async () => {
  const [own, ns] = [await namespace(), await hook.namespace()]
  const annotations = { 'hotreload.dev/env': 'restart', 'hotreload.dev/stagger': '0s' }
  const container = { image, envFrom: [{ configMapRef: { name: 'envs' } }] }
  await ns.apply([configMap('envs', { COLOUR: 'red' }), deployment(container, [], { annotations })])
  const [pod] = await ns.podsReady('app=web', 1)
  controller = await startTestController(own.name, { only: [ns.name] })
  const { events } = controller
  await settled(controller)
  await ns.apply(configMap('envs', { COLOUR: 'green' }))
  const event = await until('the Event', () => events.find(({ reason }) => reason === 'Restarted'), 300_000)
  expect(event.message).toBe('ConfigMap envs changed (hotreload.dev/env); 1 Pod has it')
  const [same] = await ns.podsReady('app=web', 1)
  expect(same?.metadata?.uid).toBe(pod?.metadata?.uid)
  expect(same?.status?.containerStatuses?.find(({ name }) => name === 'web')?.restartCount).toBe(1)
  await settled(controller)
  expect(events.filter(({ reason }) => reason === 'Restarted')).toHaveLength(1)
})
