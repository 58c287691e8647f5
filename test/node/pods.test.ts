// Injection works for each kind of workload, and respects the Pod's quota, QoS class and other containers.
import type { V1Job, V1Pod } from '@kubernetes/client-node'
import { beforeAll, expect, test } from 'vitest'
import { images, type Namespace, until } from '../support/kube.ts'
import {
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

const annotations = { 'hotreload.dev/signal': 'SIGHUP' }
const volume = configMapVolume('config')
const mounted = { volumeMounts: [{ name: 'config', mountPath: '/etc/reader' }] }
let [reader, nginx, busybox] = ['', '', '']
let hook: Webhook
beforeAll(async () => {
  ;[reader = '', nginx = '', busybox = ''] = await images('reader', 'nginx', 'busybox', 'hotreload-agent')
  hook = await webhook()
})

/** Applies a workload and its ConfigMap, edits the ConfigMap, and expects the one Pod's program to reload. */
async function expectReloads(ns: Namespace, workload: object): Promise<V1Pod> {
  await ns.apply([configMap('config', { config: 'one' }), workload])
  const [pod] = await ns.podsReady('app=web')
  if (!pod) throw new Error('no Pod')
  await serves(ns, pod, 'one')
  await edit(ns, 'config', { config: 'two' }, [pod])
  await serves(ns, pod, 'two')
  await expectUntouched(ns, pod)
  return pod
}

const workload = (kind: string, container: object = {}, spec: object = {}) => ({
  ...deployment({ image: reader, ...mounted, ...container }, [volume], { annotations, spec }),
  kind,
})

test('the Pod of a StatefulSet reloads', async () => {
  const { spec, ...set } = workload('StatefulSet')
  await expectReloads(await hook.namespace(), { ...set, spec: { ...spec, serviceName: 'web' } })
})

test('the Pod of a DaemonSet reloads', async () => {
  const { spec, ...set } = workload('DaemonSet')
  const { replicas: _, ...rest } = spec
  await expectReloads(await hook.namespace(), { ...set, spec: rest })
})

test('a Job with an agent completes when its main container ends', async () => {
  const ns = await hook.namespace()
  const container = {
    name: 'main',
    image: busybox,
    imagePullPolicy: 'Never',
    command: ['sh', '-c', 'trap : HUP; sleep 2'],
    ...mounted,
  }
  await ns.apply([
    configMap('config', { config: 'one' }),
    {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'once', annotations: { 'hotreload.dev/inject': 'true', ...annotations } },
      spec: { template: { spec: { restartPolicy: 'Never', containers: [container], volumes: [volume] } } },
    },
  ])
  const job = await until(
    'the Job is complete',
    async () => {
      const found = await ns.get<V1Job>('job', 'once')
      return found.status?.succeeded === 1 && found
    },
    IN_EFFECT_WITHIN,
  )
  const [pod] = await ns.list<V1Pod>('pods', `batch.kubernetes.io/job-name=${job.metadata?.name}`)
  expect(pod?.spec?.initContainers?.map(({ name }) => name)).toContain('hotreload-agent')
})

test('two containers of different images have an agent each', async () => {
  const ns = await hook.namespace()
  const site = (text: string) => ({
    'site.conf': `server { listen 8081; location / { return 200 "${text}"; } }`,
  })
  const second = {
    name: 'nginx',
    image: nginx,
    imagePullPolicy: 'Never',
    volumeMounts: [{ name: 'site', mountPath: '/etc/nginx/conf.d' }],
  }
  const { spec, ...web } = deployment({ image: reader, ...mounted }, [volume, configMapVolume('site')], {
    annotations: { 'hotreload.dev/signal.web': 'SIGHUP' },
  })
  spec.template.spec.containers.push(second)
  await ns.apply([configMap('config', { config: 'one' }), configMap('site', site('one')), { ...web, spec }])
  const [pod] = await ns.podsReady('app=web')
  if (!pod) throw new Error('no Pod')
  await edit(ns, 'config', { config: 'two' }, [pod])
  await edit(ns, 'site', site('three'), [pod])
  await serves(ns, pod, 'two')
  await serves(ns, pod, 'three', 8081)
  await expectUntouched(ns, pod)
  await expectReloadedOnce(ns, pod, { container: 'web' }, 9467)
  await expectReloadedOnce(ns, pod, { container: 'nginx' }, 9468)
})

test('a Pod reloads in a restricted namespace with a quota and a LimitRange', async () => {
  const ns = await hook.namespace({
    'hotreload.dev/injection': 'enabled',
    'pod-security.kubernetes.io/enforce': 'restricted',
  })
  const hard = { 'limits.cpu': '2', 'limits.memory': '1Gi', 'requests.cpu': '1', 'requests.memory': '512Mi' }
  // With the app's own resources: what the agents have has to be within it, too.
  const limit = {
    type: 'Container',
    max: { cpu: '100m', memory: '32Mi' },
    min: { memory: '4Mi' },
    maxLimitRequestRatio: { memory: '4' },
  }
  await ns.apply([
    { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'quota' }, spec: { hard } },
    { apiVersion: 'v1', kind: 'LimitRange', metadata: { name: 'limit' }, spec: { limits: [limit] } },
  ])
  const container = {
    securityContext: {
      runAsUser: 1000,
      runAsNonRoot: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
    resources: { requests: { cpu: '10m', memory: '16Mi' }, limits: { cpu: '100m', memory: '32Mi' } },
    volumeMounts: [{ name: 'config', mountPath: '/etc/reader/config', subPath: 'config' }],
  }
  await expectReloads(ns, workload('Deployment', container))
})

test('a Guaranteed Pod stays Guaranteed', async () => {
  const same = { cpu: '100m', memory: '64Mi' }
  const pod = await expectReloads(
    await hook.namespace(),
    workload('Deployment', { resources: { requests: same, limits: same } }),
  )
  expect(pod.status?.qosClass).toBe('Guaranteed')
})

test('the agent shares the resources of the whole Pod and adds none', async () => {
  const resources = { requests: { cpu: '50m', memory: '32Mi' }, limits: { cpu: '200m', memory: '64Mi' } }
  const pod = await expectReloads(await hook.namespace(), workload('Deployment', {}, { resources }))
  expect(pod.spec?.initContainers?.map((container) => container.resources ?? {})).toEqual(
    pod.spec?.initContainers?.map(() => ({})),
  )
})

const pods = [
  { in: '', users: {} },
  { in: ' with a user namespace of the Pod', users: { hostUsers: false } },
]

test.each(pods)('a file that is mounted into an image volume reloads$in', async ({ users }) => {
  const data = { name: 'data', image: { reference: nginx, pullPolicy: 'Never' } }
  const container = {
    args: ['/data/etc/nginx/nginx.conf', '8080'],
    volumeMounts: [
      { name: 'data', mountPath: '/data' },
      { name: 'config', mountPath: '/data/etc/nginx/nginx.conf', subPath: 'config' },
    ],
  }
  const { spec, ...web } = workload('Deployment', container, users)
  spec.template.spec.volumes = [volume, data]
  const pod = await expectReloads(await hook.namespace(), { ...web, spec })
  expect(pod.spec?.volumes).toContainEqual(data)
})

test.each(pods)('injected and plain containers see equal files, modes and owners$in', async ({ users }) => {
  const ns = await hook.namespace()
  const container = {
    image: nginx,
    volumeMounts: [
      { name: 'config', mountPath: '/etc/nginx/nginx.conf', subPath: 'nginx.conf' },
      { name: 'config', mountPath: '/etc/nginx/snippets/extra.conf', subPath: 'extra.conf' },
      { name: 'config', mountPath: '/config', subPath: 'extra.conf' },
    ],
  }
  const conf = 'events {}\nhttp { include mime.types; }\n'
  await ns.apply([
    configMap('config', { 'nginx.conf': conf, 'extra.conf': '# extra\n' }),
    deployment(container, [volume], { spec: users }),
    deployment(container, [volume], {
      name: 'plain',
      annotations: { 'hotreload.dev/inject': 'false' },
      spec: users,
    }),
  ])
  const [[injected], [plain]] = [await ns.podsReady('app=web'), await ns.podsReady('app=plain')]
  const tree = (pod: V1Pod | undefined, name: string) =>
    ns.exec(pod?.metadata?.name ?? '', name, [
      'sh',
      '-c',
      'find -L /etc/nginx /config -exec stat -L -c "%n %F %a %u:%g" {} + | sort; find -L /etc/nginx /config -type f -exec sha256sum {} + | sort',
    ])
  expect(await tree(injected, 'web')).toBe(await tree(plain, 'plain'))
})
