// Each reload method besides signal and http, with a real program: the new value is in effect, and nothing else is disturbed.
import type { V1Pod } from '@kubernetes/client-node'
import { beforeAll, expect, test } from 'vitest'
import { images, type Namespace, until } from '../support/kube.ts'
import {
  agentStatus,
  configMap,
  configMapVolume,
  deployment,
  edit,
  expectUntouched,
  serves,
} from '../support/reload.ts'
import { type Webhook, webhook } from '../support/webhook.ts'

let [nginx, reader, busybox] = ['', '', '']
let hook: Webhook
beforeAll(async () => {
  ;[nginx = '', reader = '', busybox = ''] = await images('nginx', 'reader', 'busybox', 'hotreload-agent')
  hook = await webhook()
})

async function start(
  container: object,
  data: Record<string, string>,
  annotations: Record<string, string>,
  more: object[] = [],
) {
  const ns = await hook.namespace()
  const keys = Object.fromEntries(
    Object.entries(annotations).map(([key, value]) => [`hotreload.dev/${key}`, value]),
  )
  await ns.apply([
    configMap('conf', data),
    deployment(container, [configMapVolume('conf'), ...more], { annotations: keys }),
  ])
  const [pod] = await ns.podsReady('app=web')
  if (!pod) throw new Error('no Pod')
  return { ns, pod }
}

/** Waits for the kubelet's count, which comes later than the program's first response. */
const restartedOnce = (ns: Namespace, pod: V1Pod): Promise<unknown> =>
  until('the kubelet counts one restart', async () => {
    const { status } = await ns.get<V1Pod>('pod', pod.metadata?.name ?? '')
    return status?.containerStatuses?.find(({ name }) => name === 'web')?.restartCount === 1
  })

const header = async (ns: Namespace, pod: V1Pod, name: string) =>
  (await ns.fetch(pod, '/', 8080)).headers.get(name)

const server = (text: string) => `server { listen 8080; location / { return 200 "${text}"; } }`
const site = (text: string) => ({ 'site.conf': server(text) })

test('validate: no process gets a broken configuration, and the program loads the next valid one', async () => {
  const container = { image: nginx, volumeMounts: [{ name: 'conf', mountPath: '/etc/nginx/conf.d' }] }
  const { ns, pod } = await start(container, site('one'), { validate: 'nginx -t' })
  await serves(ns, pod, 'one')
  await until(
    'the content of the start is valid',
    async () => (await agentStatus(ns, pod)).counters.validationsPassed === 1,
  )
  await edit(ns, 'conf', { 'site.conf': 'server { listen nowhere-at-all; }' }, [pod])
  await until(
    'the validation fails',
    async () => (await agentStatus(ns, pod)).counters.validationsFailed === 1,
  )
  expect(await agentStatus(ns, pod)).toMatchObject({ counters: { signals: 0 } })
  expect(JSON.stringify(await agentStatus(ns, pod))).not.toContain('nowhere-at-all')
  await serves(ns, pod, 'one')
  await edit(ns, 'conf', site('two'), [pod])
  await serves(ns, pod, 'two')
  await expectUntouched(ns, pod)
})

test('validate: a program that has started with a broken configuration is invalid until it is mended', async () => {
  const container = {
    image: busybox,
    command: ['sh', '-c', 'trap : HUP; httpd -p 8080 -h /www; while :; do sleep 5 & wait; done'],
    volumeMounts: [{ name: 'conf', mountPath: '/www' }],
  }
  const { ns, pod } = await start(
    container,
    { 'index.html': 'broken' },
    { signal: 'SIGHUP', validate: '["grep", "-q", "good", "/www/index.html"]' },
  )
  const reaches = (state: string) =>
    until(`the agent says ${state}`, async () => {
      const status = await agentStatus(ns, pod)
      return status.state === state && status
    })
  const status = await reaches('invalid')
  expect(JSON.stringify(status)).toContain('the program started with this configuration')
  expect(status).toMatchObject({ counters: { signals: 0, validationsFailed: 1 } })
  await edit(ns, 'conf', { 'index.html': 'good' }, [pod])
  await serves(ns, pod, 'good')
  expect(await reaches('signalled')).toMatchObject({ counters: { signals: 1, validationsPassed: 1 } })
  await expectUntouched(ns, pod)
})

test("exec: a command runs in the app's image with the app's mounts", async () => {
  const main = (text: string) =>
    `pid /shared/nginx.pid;\nevents {}\nhttp { include mime.types; ${server(text)} }\n`
  const volumeMounts = [
    { name: 'conf', mountPath: '/etc/nginx/nginx.conf', subPath: 'nginx.conf' },
    { name: 'shared', mountPath: '/shared' },
  ]
  const annotations = { command: '["nginx","-s","reload"]' }
  const { ns, pod } = await start(
    { image: nginx, volumeMounts },
    { 'nginx.conf': main('one') },
    annotations,
    [{ name: 'shared', emptyDir: {} }],
  )
  await serves(ns, pod, 'one')
  await edit(ns, 'conf', { 'nginx.conf': main('two') }, [pod])
  await serves(ns, pod, 'two')
  await expectUntouched(ns, pod)
})

test('restart: the container restarts in the same Pod', async () => {
  const { ns, pod } = await start(
    { image: reader, volumeMounts: [{ name: 'conf', mountPath: '/etc/reader' }] },
    { config: 'one' },
    { reload: 'restart', stagger: '0s' },
  )
  await serves(ns, pod, 'one')
  await edit(ns, 'conf', { config: 'two' }, [pod])
  await serves(ns, pod, 'two')
  await restartedOnce(ns, pod)
  expect(await header(ns, pod, 'x-loads')).toBe('1')
  const again = await ns.get<V1Pod>('pod', pod.metadata?.name ?? '')
  expect(again.metadata?.uid).toBe(pod.metadata?.uid)
  expect(again.status?.initContainerStatuses?.map(({ restartCount }) => restartCount)).not.toContain(1)
})

test('env: restart: the restarted container has the new value of its variable', async () => {
  const ns = await hook.namespace()
  const container = {
    image: busybox,
    command: [
      'sh',
      '-c',
      'mkdir -p /www; printf %s "$COLOR" > /www/index.html; exec httpd -f -p 8080 -h /www',
    ],
    env: [{ name: 'COLOR', valueFrom: { configMapKeyRef: { name: 'colors', key: 'main' } } }],
  }
  const annotations = { 'hotreload.dev/env': 'restart', 'hotreload.dev/stagger': '0s' }
  await ns.apply([configMap('colors', { main: 'red' }), deployment(container, [], { annotations })])
  const [pod] = await ns.podsReady('app=web')
  if (!pod) throw new Error('no Pod')
  await serves(ns, pod, 'red')
  await edit(ns, 'colors', { main: 'blue' }, [pod])
  await serves(ns, pod, 'blue')
  await restartedOnce(ns, pod)
})

test('probe: the kubelet restarts the container, without shared processes', async () => {
  const container = {
    image: reader,
    volumeMounts: [{ name: 'conf', mountPath: '/etc/reader' }],
    ports: [{ name: 'http', containerPort: 8080 }],
    livenessProbe: { httpGet: { path: '/', port: 'http' }, periodSeconds: 1, failureThreshold: 1 },
  }
  const { ns, pod } = await start(container, { config: 'one' }, { reload: 'probe', stagger: '0s' })
  expect(pod.spec?.shareProcessNamespace).toBeUndefined()
  await serves(ns, pod, 'one')
  await edit(ns, 'conf', { config: 'two' }, [pod])
  await serves(ns, pod, 'two')
  await restartedOnce(ns, pod)
})

test('supervise: the agent restarts the program, and the container stays', async () => {
  const container = {
    image: reader,
    command: ['/reader'],
    args: ['/etc/reader/config', '8080'],
    volumeMounts: [{ name: 'conf', mountPath: '/etc/reader' }],
  }
  const { ns, pod } = await start(container, { config: 'one' }, { reload: 'supervise', stagger: '0s' })
  await serves(ns, pod, 'one')
  await edit(ns, 'conf', { config: 'two' }, [pod])
  await serves(ns, pod, 'two')
  await expectUntouched(ns, pod)
})
