// The controller with the Roles that the chart makes for named namespaces, and no ClusterRole.
import type { ClientRequest } from 'node:http'
import { request } from 'node:https'
import type { V1ConfigMap, V1Deployment, V1Pod } from '@kubernetes/client-node'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { mapLimit } from '../../src/async/map-limit.ts'
import { nameOf } from '../../src/cli/doctor/read-cluster.ts'
import { parts, rightsNeeded } from '../../src/cli/doctor/rights.ts'
import { canServiceAccount } from '../../src/cli/shared/service-account.ts'
import { createClient } from '../../src/kube/client.ts'
import { kubeconfigConnection } from '../../src/kube/connection.ts'
import { workloadKinds } from '../../src/workload/kinds.ts'
import { helmProgram } from '../cluster/programs.ts'
import { renderChart } from '../deploy/render.ts'
import { accountKubeconfig } from '../support/account.ts'
import {
  configMap,
  deployment,
  settled,
  startTestController,
  type TestController,
} from '../support/controller.ts'
import { cluster, kubectl, manifest, type Namespace, namespace, tryKubectl, until } from '../support/kube.ts'

const LABEL = { 'hotreload.dev/injection': 'enabled' }
/** Policies have no namespace, and other files install theirs. */
const prefix = `p${crypto.randomUUID().slice(0, 6)}-`
let own: Namespace
let shop: Namespace
let bank: Namespace
let outside: Namespace
let installed = ''
let kubeconfig = ''
let controller: TestController | undefined

beforeAll(async () => {
  ;[own, shop, bank, outside] = [
    await namespace(),
    await namespace(LABEL),
    await namespace(LABEL),
    await namespace(LABEL),
  ]
  const rendered = await renderChart(await helmProgram((line) => console.log(line)), [
    `watchNamespaces={${shop.name},${bank.name}}`,
    'secrets.access=namespaces',
    'certManager.enabled=true',
  ])
  const kinds = /^(ServiceAccount|.*Role|.*RoleBinding|ValidatingAdmissionPolicy.*)$/
  const objects = parseAllDocuments(
    [...rendered.values()].join('---\n').replaceAll('hotreload-system', own.name),
  )
    .map((document) => document.toJS())
    // The policy for Pods of all users is another test's.
    .filter(({ kind, metadata }) => kinds.test(kind) && !metadata.name.includes('restart-policy'))
  for (const { metadata, spec } of objects.filter(({ kind }) => kind.startsWith('Validating'))) {
    metadata.name = prefix + metadata.name
    if (spec.policyName) spec.policyName = prefix + spec.policyName
  }
  installed = manifest(objects)
  await kubectl(['apply', '-f', '-'], installed)
  kubeconfig = await accountKubeconfig('hotreload-controller', own.name)
}, 1_800_000)
afterAll(async () => {
  await controller?.stop()
  await tryKubectl(['delete', '--ignore-not-found', '-f', '-'], installed)
})

const secretDb = (a: string) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'db' },
  stringData: { a },
})

/** A Deployment that rolls out, one that reloads in place, and a Pod of the second as its agent and kubelet left it. */
async function prepare(ns: Namespace): Promise<void> {
  const inPlace = deployment('in-place', {
    metadata: { 'hotreload.dev/inject': 'true', 'hotreload.dev/signal': 'SIGHUP' },
    env: [],
  })
  Object.assign(inPlace.spec.template.spec, { volumes: [{ name: 'conf', configMap: { name: 'conf' } }] })
  Object.assign(inPlace.spec.template.spec.containers[0] ?? {}, {
    volumeMounts: [{ name: 'conf', mountPath: '/conf' }],
  })
  const secret = deployment('secret', { env: [] })
  Object.assign(secret.spec.template.spec.containers[0] ?? {}, { envFrom: [{ secretRef: { name: 'db' } }] })
  await ns.apply([
    configMap('conf', { a: '1' }),
    secretDb('1'),
    deployment('web'),
    secret,
    inPlace,
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: 'in-place',
        labels: { app: 'in-place' },
        annotations: { 'hotreload.dev/status': '{}' },
      },
      spec: { containers: [{ name: 'app', image: 'localhost/none:1' }] },
    },
  ])
  await ns.kubectl([
    'patch',
    'pod/in-place',
    '--subresource=status',
    '--patch={"status":{"phase":"Running"}}',
  ])
}

async function stateOf(ns: Namespace): Promise<{ web: string; secret: string; nudged: boolean }> {
  const revision = async (name: string) =>
    (await ns.get<V1Deployment>('deployment', name)).metadata?.annotations?.[
      'deployment.kubernetes.io/revision'
    ] ?? ''
  const pod = await ns.get<V1Pod>('pod', 'in-place')
  return {
    web: await revision('web'),
    secret: await revision('secret'),
    nudged: pod.metadata?.annotations?.['hotreload.dev/nudge'] !== undefined,
  }
}

async function edit(ns: Namespace): Promise<void> {
  await ns.apply([configMap('conf', { a: '2' }), secretDb('2')])
}

test('in named namespaces changes roll out and nudge; in others nothing happens, and nothing is asked for', async () => {
  await Promise.all([shop, bank, outside].map(prepare))
  controller = await startTestController(own.name, {
    kubeconfig,
    watchNamespaces: [shop.name, bank.name],
    compat: { csi: true },
  })
  await settled(controller)
  await until('the baselines', async () => {
    const shards = await own.list<V1ConfigMap>('configmaps', 'hotreload.dev/part=baselines')
    return shards.flatMap(({ data = {} }) => Object.keys(data)).length >= 4
  })
  await Promise.all([shop, bank, outside].map(edit))
  for (const ns of [shop, bank])
    await until('all of it', async () => {
      const { web, secret, nudged } = await stateOf(ns)
      return web === '2' && secret === '2' && nudged
    })
  await settled(controller)
  expect(await stateOf(outside)).toEqual({ web: '1', secret: '1', nudged: false })
  expect(controller.denied).toEqual([])
  expect(controller.lines.filter((line) => line.includes('no right') || line.includes('403'))).toEqual([])
})

/** Nudges in a namespace have a few seats of their own in API Priority and Fairness, and no queue: without a seat they get 429. */
const fewSeats = (name: string, namespace: string, account: string) => [
  {
    apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
    kind: 'PriorityLevelConfiguration',
    metadata: { name },
    spec: {
      type: 'Limited',
      limited: { nominalConcurrencyShares: 1, borrowingLimitPercent: 0, limitResponse: { type: 'Reject' } },
    },
  },
  {
    apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
    kind: 'FlowSchema',
    metadata: { name },
    spec: {
      priorityLevelConfiguration: { name },
      matchingPrecedence: 100,
      rules: [
        {
          subjects: [
            { kind: 'ServiceAccount', serviceAccount: { name: 'hotreload-controller', namespace: account } },
          ],
          resourceRules: [
            { verbs: ['patch'], apiGroups: [''], resources: ['pods'], namespaces: [namespace] },
          ],
        },
      ],
    },
  },
]

/** More requests than there are seats. Each keeps its seat until it is destroyed: its body does not come, for which the API server waits a minute. */
async function occupySeats(path: string, contentType: string): Promise<ClientRequest[]> {
  const { server, headers, tls } = await (await kubeconfigConnection(kubeconfig, own.name)).credentials()
  const options = { host: server.hostname, port: server.port, path, method: 'PATCH', ...tls, agent: false }
  return Array.from({ length: 20 }, () => {
    const all = { ...headers, 'content-type': contentType, 'content-length': 9 }
    const held = request({ ...options, headers: all }, (response) => response.resume())
    held.on('error', () => undefined).flushHeaders()
    return held
  })
}

test('a nudge for which the API server has no seat is sent again after the time that it names', async () => {
  const name = `${prefix}few-seats`
  const objects = manifest(fewSeats(name, shop.name, own.name))
  const account = createClient(await kubeconfigConnection(kubeconfig, own.name))
  const path = `/api/v1/namespaces/${shop.name}/pods/in-place?dryRun=All`
  const contentType = 'application/merge-patch+json'
  const refused = async (): Promise<number> => {
    const found = (await kubectl(['get', '--raw', '/metrics']))
      .split('\n')
      .filter(
        (line) => line.startsWith('apiserver_flowcontrol_rejected_requests_total') && line.includes(name),
      )
    return found.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
  }
  const nudgedAt = async () =>
    (await shop.get<V1Pod>('pod', 'in-place')).metadata?.annotations?.['hotreload.dev/nudge']
  await kubectl(['apply', '-f', '-'], objects)
  const held = await occupySeats(path, contentType)
  try {
    const { retryAfterSeconds } = await until('the API server refuses nudges', async () => {
      const answer = await account.call({ method: 'PATCH', path, body: {}, contentType })
      return answer.status === 429 && answer
    })
    expect(retryAfterSeconds).toBeGreaterThanOrEqual(1)
    const [before, last] = [await refused(), await nudgedAt()]
    await shop.apply([configMap('conf', { a: '3' })])
    await until('the nudge is sent again', async () => (await refused()) >= before + 2)
    expect(await nudgedAt()).toBe(last)
    for (const one of held) one.destroy()
    await until('the Pod is nudged', async () => (await nudgedAt()) !== last)
  } finally {
    for (const one of held) one.destroy()
    await tryKubectl(['delete', '--ignore-not-found', '-f', '-'], objects)
  }
})

test.each(parts)('doctor asks for no right that the Roles of the %s lack', async (part) => {
  const client = createClient(await kubeconfigConnection(cluster().kubeconfig, own.name))
  const account = { namespace: own.name, name: nameOf[part] }
  const scope = { certManager: true, kinds: workloadKinds, watched: [shop.name, bank.name] }
  const lacking = await mapLimit(rightsNeeded(part, account, scope), async ({ right }) =>
    (await canServiceAccount(client, right, account)) === true ? [] : [right],
  )
  expect(lacking.flat()).toEqual([])
  const elsewhere = { verb: 'get', resource: 'configmaps', namespace: outside.name }
  expect(await canServiceAccount(client, elsewhere, account)).toBe(false)
})

test('the policies hold in each named namespace, since each RoleBinding names our ServiceAccount', async () => {
  const refusal = async (ns: Namespace, ...argv: string[]): Promise<string> =>
    (await tryKubectl(['--kubeconfig', kubeconfig, '--namespace', ns.name, ...argv])).stderr
  const image = '--patch={"spec":{"template":{"spec":{"containers":[{"name":"app","image":"evil"}]}}}}'
  for (const ns of [shop, bank]) {
    expect(await refusal(ns, 'patch', 'deployment/web', image)).toContain(`${prefix}hotreload-workloads`)
    expect(await refusal(ns, 'label', 'pod/in-place', 'a=b')).toContain(`${prefix}hotreload-pods`)
  }
  expect(await refusal(own, 'create', 'secret', 'generic', 'other')).toContain(`${prefix}hotreload-secrets`)
  expect(await refusal(own, 'create', 'configmap', 'other')).toContain(`${prefix}hotreload-config-maps`)
  expect(await refusal(outside, 'get', 'deployment/web')).toContain('is forbidden')
  expect(await refusal(shop, 'get', 'namespace', outside.name)).toContain('is forbidden')
  // An admin is no ServiceAccount of ours.
  await expect(shop.kubectl(['label', 'pod/in-place', 'a=b'])).resolves.toContain('labeled')
})
