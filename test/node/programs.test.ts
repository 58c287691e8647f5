// The agent signals the right process, and none that the signal would end.
import type { V1Pod } from '@kubernetes/client-node'
import { beforeAll, expect, test } from 'vitest'
import { imageReference, images, until } from '../support/kube.ts'
import {
  agentStatus,
  configMap,
  configMapVolume,
  deployment,
  edit,
  expectReloadedOnce,
  expectUntouched,
  serves,
} from '../support/reload.ts'
import { type Webhook, webhook } from '../support/webhook.ts'

const signal = { 'hotreload.dev/signal': 'HUP' }
const mounted = { volumeMounts: [{ name: 'config', mountPath: '/etc/reader' }] }
let [reader, gosu] = ['', '']
let hook: Webhook
beforeAll(async () => {
  ;[reader = '', gosu = ''] = await images(
    'reader',
    'gosu',
    'ticker',
    'ruby',
    'java',
    'haproxy',
    'prometheus',
    'hotreload-agent',
  )
  hook = await webhook()
})

async function start(container: object, annotations: Record<string, string>, spec: object = {}) {
  const ns = await hook.namespace()
  await ns.apply([
    configMap('config', { config: 'one' }),
    deployment(container, [configMapVolume('config')], { annotations, spec }),
  ])
  const [pod] = await ns.podsReady('app=web')
  if (!pod) throw new Error('no Pod')
  return { ns, pod }
}

test('a program in an image without a shell reloads', async () => {
  const { ns, pod } = await start({ image: reader, ...mounted }, signal)
  await serves(ns, pod, 'one')
  const pid = (await ns.fetch(pod, '/', 8080)).headers.get('x-pid')
  await edit(ns, 'config', { config: 'two' }, [pod])
  await serves(ns, pod, 'two')
  const { headers } = await ns.fetch(pod, '/', 8080)
  expect(headers.get('x-pid')).toBe(pid)
  expect(headers.get('x-loads')).toBe('2')
  await expectUntouched(ns, pod)
})

test('a program that starts as root and changes its user reloads', async () => {
  const { ns, pod } = await start({ image: gosu, ...mounted }, signal)
  await serves(ns, pod, 'one')
  await edit(ns, 'config', { config: 'two' }, [pod])
  await serves(ns, pod, 'two')
  await expectUntouched(ns, pod)
})

// The runtimes of Go, Ruby and Java handle SIGHUP only to exit: the process's signal mask shows a handler, and the signal ends it.
test.each(['ruby', 'java'] as const)(
  '%s without an annotation or a preset gets no signal, which would end it',
  async (name) => {
    const { ns, pod } = await start({ image: imageReference(name), ...mounted }, {})
    const exec = (...argv: string[]) => ns.exec(pod.metadata?.name ?? '', 'web', argv)
    expect(pod.spec?.initContainers ?? []).toEqual([])
    await until('the program handles SIGHUP', async () => handlesHangup(await exec('cat', '/proc/1/status')))
    await edit(ns, 'config', { config: 'two' }, [pod])
    await until(
      'the kubelet has updated the file',
      async () => (await exec('cat', '/etc/reader/config')) === 'two',
    )
    await expectUntouched(ns, pod)
    await exec('sh', '-c', 'kill -HUP 1')
    await until('the kubelet has restarted the container', async () => {
      const { status } = await ns.get<V1Pod>('pod', pod.metadata?.name ?? '')
      return status?.containerStatuses?.some(({ restartCount }) => restartCount > 0)
    })
  },
)

/** Bit 0 stands for signal 1: proc_pid_status(5). */
const handlesHangup = (status: string): boolean =>
  Number.parseInt(/^SigCgt:.*(.)$/m.exec(status)?.[1] ?? '0', 16) % 2 === 1

test.each(['ticker', 'ruby', 'java'] as const)(
  'a preset signals its own program only: %s, which catches SIGHUP to exit, gets no signal',
  async (name) => {
    const preset = { 'hotreload.dev/preset': 'nginx' }
    const { ns, pod } = await start({ image: imageReference(name), ...mounted }, preset)
    await edit(ns, 'config', { config: 'two' }, [pod])
    await until('the agent reports that it found no such process', async () =>
      JSON.stringify(await agentStatus(ns, pod)).includes('HR_'),
    )
    expect((await agentStatus(ns, pod)).counters.signals).toBe(0)
    await expectUntouched(ns, pod)
  },
)

test('haproxy without a master gets no signal, which would end it', async () => {
  const ns = await hook.namespace()
  const cfg = (text: string) =>
    `global\n stats timeout 30s\ndefaults\n mode http\n timeout connect 1s\n timeout client 5s\n timeout server 5s\nfrontend f\n bind :8080\n http-request return status 200 content-type text/plain string ${text}\n`
  const container = (master: boolean) => ({
    image: imageReference('haproxy'),
    command: ['haproxy', ...(master ? ['-W'] : []), '-db', '-f', '/etc/haproxy/haproxy.cfg'],
    volumeMounts: [{ name: 'config', mountPath: '/etc/haproxy' }],
  })
  const data = (text: string) => ({ 'haproxy.cfg': cfg(text) })
  await ns.apply([
    configMap('config', data('one')),
    deployment(container(true), [configMapVolume('config')]),
    deployment(container(false), [configMapVolume('config')], { name: 'single' }),
  ])
  const [[master], [single]] = [await ns.podsReady('app=web'), await ns.podsReady('app=single')]
  if (!master || !single) throw new Error('no Pod')
  await edit(ns, 'config', data('two'), [master, single])
  await serves(ns, master, 'two')
  await until('the agent reports the refusal', async () =>
    JSON.stringify(await agentStatus(ns, single)).includes('-W'),
  )
  await serves(ns, single, 'one')
  await expectUntouched(ns, master)
  await expectUntouched(ns, single)
})

test('prometheus reloads by its URL if that is enabled, else by SIGHUP', async () => {
  const ns = await hook.namespace()
  const data = (label: string) => ({ 'prometheus.yml': `global: {external_labels: {version: ${label}}}\n` })
  const container = (...flags: string[]) => ({
    image: imageReference('prometheus'),
    command: ['prometheus'],
    args: ['--config.file=/etc/prometheus/prometheus.yml', '--storage.tsdb.path=/prometheus', ...flags],
    volumeMounts: [{ name: 'config', mountPath: '/etc/prometheus' }],
  })
  await ns.apply([
    configMap('config', data('one')),
    deployment(container('--web.enable-lifecycle'), [configMapVolume('config')]),
    deployment(container(), [configMapVolume('config')], { name: 'signalled' }),
  ])
  const pods = [...(await ns.podsReady('app=web')), ...(await ns.podsReady('app=signalled'))]
  const loaded = async (pod: (typeof pods)[0]) => (await ns.fetch(pod, '/api/v1/status/config', 9090)).body
  for (const pod of pods)
    await until('the first configuration', async () => (await loaded(pod)).includes('version: one'))
  await edit(ns, 'config', data('two'), pods)
  for (const pod of pods) {
    await until('the second configuration', async () => (await loaded(pod)).includes('version: two'))
    await expectUntouched(ns, pod)
  }
  const [byUrl, bySignal] = pods
  if (!byUrl || !bySignal) throw new Error('no Pod')
  await expectReloadedOnce(ns, byUrl, { reload: 'http' })
  await expectReloadedOnce(ns, bySignal, { reload: 'signal' })
})
