// The controller reports what agents refuse and what they restart as Events, because nobody reads the /status of every Pod.
import type { V1Pod } from '@kubernetes/client-node'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { readStatus } from '../../src/cli/status/status.ts'
import { settled, startTestController, type TestController } from '../support/controller.ts'
import { images, namespace, until } from '../support/kube.ts'
import { configMap, configMapVolume, deployment, edit, serves } from '../support/reload.ts'
import { type Webhook, webhook } from '../support/webhook.ts'

let [image, busybox] = ['', '']
let hook: Webhook
let controller: TestController | undefined
beforeAll(async () => {
  ;[image = '', busybox = ''] = await images('reader', 'busybox', 'hotreload-agent')
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

test('an agent that can not prepare its app’s files says why, and the app starts once it can', async () => {
  const [own, ns] = [await namespace(), await hook.namespace()]
  const file = '/etc/reader/config'
  // The Pod itself has a volume of the name that hotreload takes for the copies, so that the test can put a file in the way, and take it away.
  const copies = { name: 'hotreload-copy-web', mountPath: '/copies' }
  const beside = { image: busybox, imagePullPolicy: 'Never', volumeMounts: [copies] }
  const container = {
    image,
    args: [file, '8080'],
    securityContext: { runAsUser: 65_534 },
    volumeMounts: [{ name: 'config', mountPath: file, subPath: 'config' }],
  }
  const annotations = { 'hotreload.dev/signal': 'SIGHUP', 'hotreload.dev/subpath': 'copy' }
  const initContainers = [
    { ...beside, name: 'block', command: ['touch', '/copies/etc'] },
    { ...beside, name: 'repair', command: ['sleep', '1000000'], restartPolicy: 'Always' },
  ]
  const volumes = [configMapVolume('config'), { name: copies.name, emptyDir: {} }]
  await ns.apply([
    configMap('config', { config: 'one' }),
    deployment(container, volumes, { annotations, spec: { initContainers } }),
  ])
  const sentence = `${file}: not prepared: not a directory; the app starts when it is`
  const pod = await until(
    'the agent has ended',
    async () => {
      const [found] = await ns.list<V1Pod>('pods', 'app=web')
      const agent = found?.status?.initContainerStatuses?.find((one) => one.name === 'hotreload-agent')
      return agent?.lastState?.terminated?.message?.includes(sentence) && found
    },
    300_000,
  )
  const name = pod.metadata?.name ?? ''
  controller = await startTestController(own.name, { only: [ns.name] })
  const { events, client } = controller
  const event = await until(
    'the Event',
    () => events.find(({ reason }) => reason === 'AgentUnusable'),
    300_000,
  )
  expect(event).toMatchObject({ kind: 'Deployment', name: 'web' })
  expect(event.message).toContain('container hotreload-agent, at ')
  expect(event.message).toContain(sentence)
  expect(event.message).toMatch(/\[HR_LINK_FAILED\]$/)
  expect(await ns.kubectl(['describe', 'pod', name])).toContain(sentence)
  const [row] = await until('status shows it', async () => {
    const rows = await readStatus(client, { namespace: ns.name, pods: [name] }, Date.now())
    return rows[0]?.note?.includes('HR_LINK_FAILED') && rows
  })
  expect(row?.note).toContain(sentence)
  const app = pod.status?.containerStatuses?.find((one) => one.name === 'web')
  expect(app).toMatchObject({ restartCount: 0, state: { waiting: { reason: 'PodInitializing' } } })

  await ns.exec(name, 'repair', ['rm', '/copies/etc'])
  const [ready] = await ns.podsReady('app=web')
  expect(ready?.metadata?.name).toBe(name)
  await serves(ns, pod, 'one')
  await edit(ns, 'config', { config: 'two' }, [pod])
  await serves(ns, pod, 'two')
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
