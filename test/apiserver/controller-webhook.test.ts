// The workload webhook and the controller handle the same workloads: the controller expects the checksums that the webhook writes.
import type { V1Deployment, V1Pod } from '@kubernetes/client-node'
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { parseInstallKey } from '../../src/cli/serve/install-key.ts'
import {
  configMap,
  deployment,
  settled,
  startTestController,
  type TestController,
} from '../support/controller.ts'
import { type Namespace, namespace, until } from '../support/kube.ts'
import { type Webhook, webhook } from '../support/webhook.ts'

let hook: Webhook
let own: Namespace
let ns: Namespace
let controller: TestController | undefined
beforeAll(async () => {
  hook = await webhook({ installKey: parseInstallKey('ab'.repeat(32)) })
})
beforeEach(async () => {
  own = await namespace()
  ns = await hook.namespace()
})
afterEach(() => controller?.stop())

const get = () => ns.get<V1Deployment>('deployment', 'web')
const readTemplateChecksum = ({ spec }: V1Deployment) =>
  spec?.template.metadata?.annotations?.['hotreload.dev/checksum']
const revisionOf = ({ metadata }: V1Deployment) =>
  metadata?.annotations?.['deployment.kubernetes.io/revision']
const aWhile = (milliseconds = 3_000) => new Promise((resolve) => setTimeout(resolve, milliseconds))
const secret = (key: string) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'db' },
  stringData: { key },
})

function web() {
  const made = deployment('web')
  const envFrom = [
    { configMapRef: { name: 'conf' } },
    { secretRef: { name: 'db' } },
    { configMapRef: { name: 'maybe', optional: true } },
  ]
  Object.assign(made.spec.template.spec.containers[0] ?? {}, { envFrom })
  return made
}
async function begin() {
  controller = await startTestController(own.name, { only: [ns.name] })
  await settled(controller)
}

test('a workload with the webhook’s checksums rolls out only after an edit, and once', async () => {
  await ns.apply([configMap('conf', { a: '1' }), secret('1'), web()])
  const first = readTemplateChecksum(await get())
  expect(Object.keys(JSON.parse(first ?? '{}'))).toEqual(['ConfigMap/conf', 'ConfigMap/maybe', 'Secret/db'])
  await begin()
  await aWhile()
  expect([readTemplateChecksum(await get()), revisionOf(await get())]).toEqual([first, '1'])
  await ns.apply([configMap('conf', { a: '2' }), secret('2')])
  await until('the second revision', async () => revisionOf(await get()) === '2')
  await aWhile()
  expect(revisionOf(await get())).toBe('2')
  expect(readTemplateChecksum(await get())).not.toBe(first)
})

test('a ConfigMap and its workload, applied together, cause one rollout', async () => {
  await ns.apply([configMap('conf', { a: '1' }), secret('1'), web()])
  await begin()
  const next = web()
  Object.assign(next.spec.template.spec.containers[0] ?? {}, { image: 'localhost/none:2' })
  await ns.apply([configMap('conf', { a: '2' }), next])
  await until('the second revision', async () => revisionOf(await get()) === '2')
  await aWhile()
  expect(revisionOf(await get())).toBe('2')
})

test('creating and removing an optional source cause a rollout each, and rollout undo between them causes none', async () => {
  await ns.apply([configMap('conf', { a: '1' }), secret('1'), web()])
  await begin()
  await ns.apply(configMap('maybe', { b: '1' }))
  await until('the second revision', async () => revisionOf(await get()) === '2')
  await ns.kubectl(['rollout', 'undo', 'deployment', 'web'])
  await aWhile()
  // The old template with the checksum of the present sources is the second revision.
  expect(revisionOf(await get())).toBe('2')
  await ns.kubectl(['delete', 'configmap', 'maybe'])
  await until('another revision', async () => revisionOf(await get()) !== '2')
})

/** nginx, and an unknown helper with the same ConfigMap; a second ConfigMap is nginx's alone. */
function nginxWithHelper(annotations: Record<string, string>) {
  const made = deployment('web', {
    metadata: { 'hotreload.dev/inject': 'true', ...annotations },
    env: [],
    replicas: 1,
  })
  const mount = (name: string, mountPath: string) => ({ name, mountPath })
  const containers = [
    {
      name: 'nginx',
      image: 'nginx',
      volumeMounts: [mount('site', '/etc/nginx/conf.d'), mount('own', '/own')],
    },
    { name: 'helper', image: 'localhost/helper:1', volumeMounts: [mount('site', '/watch')] },
  ]
  const volumes = ['site', 'own'].map((name) => ({ name, configMap: { name } }))
  Object.assign(made.spec.template.spec, { containers, volumes })
  return made
}

test.each<[what: string, annotations: Record<string, string>, rolling: string[], watched: string[]]>([
  ['has one outcome for both', {}, ['site'], ['own']],
  ['reloads if the helper is left out', { 'hotreload.dev/container': 'nginx' }, [], ['site', 'own']],
  [
    'has the outcome that its volume’s annotation says',
    { 'hotreload.dev/volume-reload': 'own=rollout', 'hotreload.dev/volume-reload.helper': 'site=none' },
    ['own'],
    ['site'],
  ],
])('a ConfigMap of nginx and of an unknown helper %s', async (_, annotations, rolling, watched) => {
  await ns.apply([
    ...['site', 'own'].map((name) => configMap(name, { a: '1' })),
    nginxWithHelper(annotations),
  ])
  await begin()
  const checksums = Object.keys(JSON.parse(readTemplateChecksum(await get()) ?? '{}'))
  expect(checksums).toEqual(rolling.map((name) => `ConfigMap/${name}`))
  const [pod] = await until('the Pod', async () => {
    const pods = await ns.list<V1Pod>('pod', 'app=web')
    return pods.length > 0 ? pods : undefined
  })
  const agent = pod?.spec?.initContainers?.find(({ name }) => name === 'hotreload-agent')
  expect(agent?.args?.filter((argument) => argument.startsWith('--volume='))).toEqual(
    watched.map((name) => `--volume=${name}`),
  )
  for (const name of watched) await ns.apply(configMap(name, { a: '2' }))
  await aWhile()
  expect(revisionOf(await get())).toBe('1')
  for (const name of rolling) await ns.apply(configMap(name, { a: '2' }))
  if (rolling.length > 0) await until('the second revision', async () => revisionOf(await get()) === '2')
})
