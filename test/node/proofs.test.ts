// The agent says `loaded` only of what is proved: what the real programs show after a good edit, after a mistake, and while they don't run.
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { V1Pod } from '@kubernetes/client-node'
import { beforeAll, expect, test } from 'vitest'
import { property } from '../../src/workload/json-object.ts'
import { attempt } from '../cluster/run.ts'
import { cluster, images, type Namespace, until } from '../support/kube.ts'
import {
  agentStatus,
  configMap,
  configMapVolume,
  deployment,
  edit,
  expectReloadedOnce,
  expectUntouched,
  IN_EFFECT_WITHIN,
  serves,
} from '../support/reload.ts'
import { type Webhook, webhook } from '../support/webhook.ts'

let [nginx, haproxy, prometheus, busybox] = ['', '', '', '']
let hook: Webhook
beforeAll(async () => {
  ;[nginx = '', haproxy = '', prometheus = '', busybox = ''] = await images(
    'nginx',
    'haproxy',
    'prometheus',
    'busybox',
    'hotreload-agent',
  )
  hook = await webhook()
})

const site = (text: string, port = 8080) => ({
  'site.conf': `server { listen ${port}; location / { return 200 "${text}"; } }`,
})

async function start(
  container: object,
  data: Readonly<Record<string, string>>,
  options: object = {},
): Promise<{ ns: Namespace; pod: V1Pod }> {
  const ns = await hook.namespace()
  await ns.apply([configMap('conf', data), deployment(container, [configMapVolume('conf')], options)])
  const [pod] = await ns.podsReady('app=web')
  if (!pod) throw new Error('no Pod')
  return { ns, pod }
}

const reaches = (ns: Namespace, pod: V1Pod, state: string, port?: number) =>
  until(
    `the agent says ${state}`,
    async () => {
      const found = await agentStatus(ns, pod, port)
      return found.state === state && found
    },
    IN_EFFECT_WITHIN,
  )

test('nginx that refuses its configuration is unconfirmed, and loaded once the mistake is mended', async () => {
  const mounted = { image: nginx, volumeMounts: [{ name: 'conf', mountPath: '/etc/nginx/conf.d' }] }
  const { ns, pod } = await start(mounted, site('one'))
  await serves(ns, pod, 'one')
  await edit(ns, 'conf', { 'site.conf': 'server {' }, [pod])
  const status = await reaches(ns, pod, 'unconfirmed')
  expect(JSON.stringify(status)).toMatch(/\(nginx\) has no new workers .* its log says why/)
  expect(status).toMatchObject({ volumes: [{ current: false }], counters: { reloaded: 0, unconfirmed: 1 } })
  await serves(ns, pod, 'one')
  await edit(ns, 'conf', site('two'), [pod])
  await serves(ns, pod, 'two')
  await reaches(ns, pod, 'loaded')
  await expectUntouched(ns, pod)
})

test('nginx that has fewer workers is loaded while the old ones finish their connections', async () => {
  const conf = (workers: number, text: string) => ({
    'nginx.conf': `pid /tmp/nginx.pid; error_log stderr; worker_processes ${workers}; events {}
      http { access_log off; client_header_timeout 600; server { listen 8080 reuseport; return 200 "${text}"; } }\n`,
  })
  const mounted = {
    image: nginx,
    volumeMounts: [{ name: 'conf', mountPath: '/etc/nginx/nginx.conf', subPath: 'nginx.conf' }],
  }
  const { ns, pod } = await start(mounted, conf(4, 'one'))
  await serves(ns, pod, 'one')
  // With reuseport the kernel spreads the connections. No worker ends before the request that each has begun.
  const connections = Array.from({ length: 64 }, () => connect(8080, pod.status?.podIP))
  try {
    await Promise.all(
      connections.map(async (connection) => {
        await once(connection, 'connect')
        connection.write('GET / HTTP/1.1\r\n')
      }),
    )
    await edit(ns, 'conf', conf(1, 'two'), [pod])
    await serves(ns, pod, 'two')
    await expectReloadedOnce(ns, pod)
    expect(connections.some(({ readyState }) => readyState === 'open')).toBe(true)
  } finally {
    for (const connection of connections) connection.destroy()
  }
})

test('haproxy that refuses its configuration is unconfirmed', async () => {
  const data = (text: string) => ({
    'haproxy.cfg': `defaults\n mode http\n timeout client 5s\nfrontend f\n bind :8080\n http-request return status 200 content-type text/plain string "${text}"\n`,
  })
  const { ns, pod } = await start(
    {
      image: haproxy,
      command: ['haproxy'],
      args: ['-W', '-db', '-f', '/etc/haproxy/haproxy.cfg'],
      volumeMounts: [{ name: 'conf', mountPath: '/etc/haproxy' }],
    },
    data('one'),
  )
  await serves(ns, pod, 'one')
  await edit(ns, 'conf', { 'haproxy.cfg': 'frontend f\n nonsense\n' }, [pod])
  await reaches(ns, pod, 'unconfirmed')
  await serves(ns, pod, 'one')
  await edit(ns, 'conf', data('two'), [pod])
  await serves(ns, pod, 'two')
  await reaches(ns, pod, 'loaded')
})

test('prometheus without its lifecycle endpoint says in a metric whether it took the change', async () => {
  const data = (text: string) => ({ 'prometheus.yml': text })
  const { ns, pod } = await start(
    {
      image: prometheus,
      command: ['prometheus'],
      args: ['--config.file=/etc/prometheus/prometheus.yml', '--storage.tsdb.path=/prometheus'],
      volumeMounts: [{ name: 'conf', mountPath: '/etc/prometheus' }],
    },
    data('global: {scrape_interval: 7s}\n'),
  )
  await until('prometheus answers', async () => (await ns.fetch(pod, '/-/ready', 9090)).status === 200)
  await edit(ns, 'conf', data('global: {nonsense: 1}\n'), [pod])
  expect(JSON.stringify(await reaches(ns, pod, 'unconfirmed'))).toContain('(prometheus) reports no reload')
  await edit(ns, 'conf', data('global: {scrape_interval: 8s}\n'), [pod])
  await reaches(ns, pod, 'loaded')
  expect((await ns.fetch(pod, '/api/v1/status/config', 9090)).body).toContain('scrape_interval: 8s')
})

test('a script that traps the signal reads its file again, and is only signalled', async () => {
  const script =
    'load() { cp /etc/conf/text /www/index.html; }; trap load HUP; mkdir -p /www; load; httpd -p 8080 -h /www; while :; do sleep 5 & wait; done'
  const { ns, pod } = await start(
    {
      image: busybox,
      command: ['sh', '-c', script],
      volumeMounts: [{ name: 'conf', mountPath: '/etc/conf' }],
    },
    { text: 'one' },
    { annotations: { 'hotreload.dev/signal': 'SIGHUP' } },
  )
  await serves(ns, pod, 'one')
  await edit(ns, 'conf', { text: 'two' }, [pod])
  await serves(ns, pod, 'two')
  const status = await reaches(ns, pod, 'signalled')
  expect(status).toMatchObject({
    target: { command: 'sh' },
    counters: { reloaded: 0, sent: 1, notNeeded: 0 },
  })
  await expectUntouched(ns, pod)
})

const MAIN = join(import.meta.dirname, '../../src/main.ts')

/** The rows of `hotreload status`, and its exit code. */
async function statusOf(ns: Namespace): Promise<{ code: number | null; rows: Record<string, unknown>[] }> {
  const env = { ...process.env, KUBECONFIG: cluster().kubeconfig }
  const argv = [process.execPath, MAIN, 'status', '-n', ns.name, '-o', 'json']
  const { code, stdout } = await attempt(argv, { env })
  const answer: unknown = JSON.parse(stdout)
  const rows = Array.isArray(answer) ? answer : property(answer, 'items')
  return { code, rows: rows as Record<string, unknown>[] }
}

test('of two agents on the node’s own network only the one that has the port is believed', async () => {
  const ns = await hook.namespace()
  const onHost = (name: string) =>
    deployment(
      { image: nginx, volumeMounts: [{ name: 'conf', mountPath: '/etc/nginx/conf.d' }] },
      [configMapVolume('conf', name)],
      { name, spec: { hostNetwork: true } },
    )
  await ns.apply([configMap('web1', site('one', 18_081)), onHost('web1')])
  const [first] = await ns.podsReady('app=web1')
  await ns.apply([configMap('web2', site('one', 18_082)), onHost('web2')])
  const [second] = await ns.podsReady('app=web2')
  expect([first, second]).not.toContain(undefined)
  const { rows } = await until('both are known', async () => {
    const found = await statusOf(ns)
    return found.rows.length === 2 && found
  })
  expect(new Set(rows.map(({ state }) => state))).toEqual(new Set(['loaded', 'unreachable']))
  expect(JSON.stringify(rows)).toContain("the port belongs to another Pod's agent")
})

test('a container in a crash loop has loaded nothing', async () => {
  const ns = await hook.namespace()
  const mounted = { image: nginx, volumeMounts: [{ name: 'conf', mountPath: '/etc/nginx/conf.d' }] }
  await ns.apply([
    configMap('conf', { 'site.conf': 'server {' }),
    deployment(mounted, [configMapVolume('conf')]),
  ])
  const { code, rows } = await until(
    'the crash loop',
    async () => {
      const found = await statusOf(ns)
      return found.rows.some(({ note }) => String(note).includes('restart')) && found
    },
    IN_EFFECT_WITHIN,
  )
  expect(code).toBe(1)
  // A busy kubelet says `Error` for a while before it says that it waits.
  expect(rows).toMatchObject([{ state: expect.stringMatching(/^(CrashLoopBackOff|Error)$/), failed: true }])
})
