// Hand-written Pods for config-reloader-sidecar and configmap-reload, with nothing changed but the sidecar's image, and no webhook.
import type { V1Pod } from '@kubernetes/client-node'
import { beforeAll, expect, test } from 'vitest'
import { images, type Namespace, namespace, until } from '../support/kube.ts'
import { configMap, edit, expectReloadedOnce, expectUntouched, nudge } from '../support/reload.ts'

let [agent, rootAgent, postgres, prometheus] = ['', '', '', '']
beforeAll(async () => {
  ;[agent = '', rootAgent = '', postgres = '', prometheus = ''] = await images(
    'hotreload-agent',
    'hotreload-agent-root',
    'postgres',
    'prometheus',
  )
})

const podOf = (spec: object): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web' },
  spec: { terminationGracePeriodSeconds: 1, ...spec },
})

/** The name of a pool is the value. */
const pgbouncerSecret = (value: string): object => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'pgbouncer-secret' },
  stringData: {
    'pgbouncer.ini': `
[databases]
${value} = host=127.0.0.1 dbname=postgres user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = 6432
unix_socket_dir =
auth_type = any
`,
  },
})

async function pools(ns: Namespace): Promise<string> {
  const psql = ['psql', '--no-psqlrc', '--no-align', '--tuples-only', '--username=postgres']
  const console = 'host=127.0.0.1 port=6432 dbname=pgbouncer'
  return ns.exec('web', 'pgbouncer', [...psql, '--command=show databases', console])
}

test('config-reloader-sidecar: pgbouncer loads a changed Secret', async () => {
  const ns = await namespace()
  const volumeMounts = [{ mountPath: '/etc/pgbouncer/', name: 'secret-volume' }]
  await ns.apply([
    pgbouncerSecret('one'),
    podOf({
      shareProcessNamespace: true,
      containers: [
        {
          name: 'pgbouncer',
          image: postgres,
          imagePullPolicy: 'Never',
          command: ['pgbouncer'],
          args: ['/etc/pgbouncer/pgbouncer.ini'],
          volumeMounts,
        },
        {
          name: 'config-reloader-sidecar',
          image: rootAgent,
          imagePullPolicy: 'Never',
          env: [
            { name: 'CONFIG_DIR', value: '/etc/pgbouncer/' },
            { name: 'PROCESS_NAME', value: 'pgbouncer' },
          ],
          volumeMounts,
        },
      ],
      volumes: [{ name: 'secret-volume', secret: { secretName: 'pgbouncer-secret' } }],
    }),
  ])
  const pod = await ns.podReady('web')
  await until('the first pool', async () => (await pools(ns).catch(() => '')).includes('one|'))
  await ns.apply(pgbouncerSecret('two'))
  await nudge(ns, [pod])
  await until('the second pool', async () => (await pools(ns)).includes('two|'))
  expect(await pools(ns)).not.toContain('one|')
  await expectUntouched(ns, pod)
  const { counters } = await expectReloadedOnce(ns, pod)
  expect(counters.signals).toBe(1)
})

test('configmap-reload: prometheus reloads by its URL, and the metrics keep their names', async () => {
  const ns = await namespace()
  const data = (label: string) => ({ 'prometheus.yml': `global: {external_labels: {version: ${label}}}\n` })
  const volumeMounts = [{ name: 'config-volume', mountPath: '/etc/config' }]
  await ns.apply([
    configMap('config', data('one')),
    podOf({
      containers: [
        {
          name: 'configmap-reload',
          image: agent,
          imagePullPolicy: 'Never',
          args: ['--volume-dir=/etc/config', '--webhook-url=http://127.0.0.1:9090/-/reload'],
          volumeMounts: volumeMounts.map((mount) => ({ ...mount, readOnly: true })),
        },
        {
          name: 'prometheus',
          image: prometheus,
          imagePullPolicy: 'Never',
          command: ['prometheus'],
          args: [
            '--config.file=/etc/config/prometheus.yml',
            '--storage.tsdb.path=/prometheus',
            '--web.enable-lifecycle',
          ],
          volumeMounts,
        },
      ],
      volumes: [{ name: 'config-volume', configMap: { name: 'config' } }],
    }),
  ])
  const pod: V1Pod = await ns.podReady('web')
  const loaded = async () => (await ns.fetch(pod, '/api/v1/status/config', 9090).catch(() => undefined))?.body
  await until('the first configuration', async () => (await loaded())?.includes('version: one'))
  await edit(ns, 'config', data('two'), [pod])
  await until('the second configuration', async () => (await loaded())?.includes('version: two'))
  await expectUntouched(ns, pod)
  const webhook = '{webhook="http://127.0.0.1:9090/-/reload"}'
  const metrics = await until('the agent counts the reload', async () => {
    const { body } = await ns.fetch(pod, '/metrics', 9533)
    return body.includes(`configmap_reload_success_reloads_total${webhook} 1`) && body
  })
  expect(metrics).toContain(`configmap_reload_last_reload_error${webhook} 0`)
})
