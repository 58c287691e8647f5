// The controller with exactly the rights of deploy/: many workloads, limits, charts, Pods without an agent.
import type { V1ConfigMap, V1Deployment, V1Pod } from '@kubernetes/client-node'
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { createdAt } from '../../src/controller/pods/workload-pods.ts'
import { grantSecrets } from '../../src/manual.ts'
import { accountKubeconfig } from '../support/account.ts'
import {
  configMap,
  deployment,
  leads,
  startTestController,
  type TestController,
  type TestControllerOptions,
} from '../support/controller.ts'
import { kubectl, type Namespace, namespace, tryKubectl, until } from '../support/kube.ts'

const SYSTEM = 'hotreload-system'
let kubeconfig: string
let ns: Namespace
let controller: TestController | undefined

/** Applies the RBAC objects and the admission policies of deploy/, and writes a kubeconfig for the controller's ServiceAccount. */
beforeAll(async () => {
  const rendered = await kubectl(['kustomize', 'deploy'])
  const kinds = /^kind: (Namespace|ServiceAccount|.*Role|.*RoleBinding|ValidatingAdmissionPolicy.*)$/m
  const rules = rendered.split(/^---$/m).filter((one) => kinds.test(one))
  await kubectl(['apply', '-f', '-'], rules.join('---\n'))
  kubeconfig = await accountKubeconfig('hotreload-controller', SYSTEM)
})
beforeEach(async () => {
  ns = await namespace({ 'hotreload.dev/injection': 'enabled' })
})
afterEach(() => controller?.stop())

async function begin(options: TestControllerOptions = {}): Promise<TestController> {
  controller = await startTestController(SYSTEM, { kubeconfig, ...options })
  await leads(controller)
  return controller
}
const aWhile = (milliseconds = 3_000) => new Promise((resolve) => setTimeout(resolve, milliseconds))
const deployments = () => ns.list<V1Deployment>('deployments')
const readTemplateChecksum = ({ spec }: V1Deployment) =>
  spec?.template.metadata?.annotations?.['hotreload.dev/checksum']
const revisions = async () =>
  (await deployments()).map(({ metadata }) => metadata?.annotations?.['deployment.kubernetes.io/revision'])
const recorded = (workloads: readonly V1Deployment[]) =>
  until(
    'all baselines',
    async () => {
      const shards: { items: V1ConfigMap[] } = JSON.parse(
        await kubectl([
          'get',
          'configmaps',
          '--namespace',
          SYSTEM,
          '--selector=hotreload.dev/part=baselines',
          '--output=json',
        ]),
      )
      const known = new Set(shards.items.flatMap(({ data }) => Object.keys(data ?? {})))
      return workloads.every(({ metadata }) => known.has(metadata?.uid ?? ''))
    },
    60_000,
  )

test('an install among 500 annotated workloads rolls nothing out; a change of their one ConfigMap rolls all out within the limit', async () => {
  await ns.apply([
    configMap('conf', { a: '1' }),
    ...Array.from({ length: 500 }, (_, index) => deployment(`web-${index}`)),
  ])
  // The controller manager makes 20 requests a second (kube-api-qps), so that this takes minutes.
  const settled = async () =>
    (await deployments()).every(({ metadata, status }) => status?.observedGeneration === metadata?.generation)
  await until('500 rollouts are complete', settled, 300_000, 3_000)
  const limits = { total: 5, perNamespace: 4 }
  const limited = await begin({ limits })
  await recorded(await deployments())
  expect(new Set(await revisions())).toEqual(new Set(['1']))
  // Rollouts that the controller manager has not finished yet count, too.
  await until('no rollout is in progress', () => limited.rolloutsInProgress() === 0, 300_000)
  await ns.apply(configMap('conf', { a: '2' }))
  let most = 0
  const watching = setInterval(() => (most = Math.max(most, limited.rolloutsInProgress())), 5)
  await until(
    'all have rolled out',
    async () => (await revisions()).every((one) => one === '2'),
    400_000,
    3_000,
  )
  clearInterval(watching)
  expect(most).toBeGreaterThan(0)
  expect(most).toBeLessThanOrEqual(4)
}, 1_200_000)

test('a chart’s ConfigMap and its Deployment, seconds apart, cause one rollout', async () => {
  const chart = (version: string) => deployment('web', { template: { 'checksum/config': version } })
  await ns.apply([configMap('conf', { a: '1' }), chart('1')])
  await begin()
  await recorded(await deployments())
  await ns.apply(configMap('conf', { a: '2' }))
  await aWhile()
  // As the webhook would write it on this update.
  const checksum = '{"ConfigMap/conf":"written by the webhook"}'
  await ns.apply(
    deployment('web', { template: { 'checksum/config': '2', 'hotreload.dev/checksum': checksum } }),
  )
  await until('the rollout', async () => (await revisions())[0] === '2')
  await aWhile(2_000)
  expect(await revisions()).toEqual(['2'])
})

test('without a right to Secrets an Event names the remedy, and ConfigMaps still roll out', async () => {
  const web = deployment('web')
  const [container] = web.spec.template.spec.containers
  Object.assign(container ?? {}, {
    envFrom: [{ configMapRef: { name: 'conf' } }, { secretRef: { name: 'db' } }],
  })
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'db' }, stringData: { key: '1' } }
  await ns.apply([configMap('conf', { a: '1' }), secret, web])
  const { events } = await begin()
  await recorded(await deployments())
  await ns.apply(configMap('conf', { a: '2' }))
  await until('rolled out', async () =>
    (await deployments()).every((one) => readTemplateChecksum(one) !== undefined),
  )
  expect(events.find(({ reason }) => reason === 'SourceNotReadable')?.message).toBe(
    `Secret db may not be read: ${grantSecrets(ns.name)}, or its changes roll nothing out`,
  )
  await kubectl(['apply', '-k', 'deploy/secrets', '--namespace', ns.name])
})

test('of Pods, our token may patch only annotations under hotreload.dev/', async () => {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'app', annotations: { theirs: '1' } },
    spec: { containers: [{ name: 'app', image: 'localhost/none:1' }] },
  }
  await ns.apply(pod)
  const patch = (body: object) =>
    tryKubectl([
      'patch',
      'pod',
      'app',
      '--namespace',
      ns.name,
      '--kubeconfig',
      kubeconfig,
      '--type=merge',
      `--patch=${JSON.stringify(body)}`,
    ])
  await expect
    .poll(async () => (await patch({ metadata: { annotations: { theirs: '2' } } })).stderr, {
      timeout: 20_000,
    })
    .toContain('hotreload may change annotations under hotreload.dev/ only')
  expect((await patch({ metadata: { annotations: { theirs: null } } })).code).toBe(1)
  expect((await patch({ metadata: { labels: { a: 'b' } } })).stderr).toContain('annotations of Pods only')
  const image = ['set', 'image', 'pod/app', 'app=localhost/other:1', '--namespace', ns.name]
  expect((await tryKubectl([...image, '--kubeconfig', kubeconfig])).stderr).toContain(
    'annotations of Pods only',
  )
  expect((await patch({ metadata: { annotations: { 'hotreload.dev/nudge': 'now' } } })).code).toBe(0)
})

test('Pods without an agent get an Event, and --evict-uninjected evicts them one by one', async () => {
  await kubectl(['apply', '-k', 'deploy/evict'])
  const web = deployment('web', {
    metadata: { 'hotreload.dev/inject': 'true', 'hotreload.dev/signal': 'SIGHUP' },
    template: { 'hotreload.dev/inject': 'true' },
    env: [],
  })
  Object.assign(web.spec.template.spec, { volumes: [{ name: 'conf', configMap: { name: 'conf' } }] })
  Object.assign(web.spec.template.spec.containers[0] ?? {}, {
    volumeMounts: [{ name: 'conf', mountPath: '/conf' }],
  })
  const { events } = await begin({ evictUninjected: true })
  await ns.apply([
    configMap('conf', { a: '1' }),
    { ...web, spec: { ...web.spec, replicas: 2, minReadySeconds: 0 } },
  ])
  const pods = () => ns.list<V1Pod>('pods', 'app=web')
  const before = await until('two Pods', async () => {
    const found = await pods()
    return found.length === 2 && found
  })
  const ready = {
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: new Date().toISOString() }],
    },
  }
  for (const { metadata } of before)
    await ns.kubectl([
      'patch',
      'pod',
      metadata?.name ?? '',
      '--subresource=status',
      '--type=merge',
      `--patch=${JSON.stringify(ready)}`,
    ])
  await until('the Event', () => events.some(({ reason }) => reason === 'NotInjected'))
  await until('one Pod is evicted', async () => {
    const names = new Set((await pods()).map(({ metadata }) => metadata?.name))
    return before.some(({ metadata }) => !names.has(metadata?.name))
  })
  await aWhile(1_000)
  const left = new Set((await pods()).map(({ metadata }) => metadata?.name))
  expect(before.filter(({ metadata }) => left.has(metadata?.name))).toHaveLength(1)
})

test('an edit on trial in the middle of a rollout reaches a Pod of the newest template first, and none that terminates', async () => {
  const template = {
    'hotreload.dev/inject': 'true',
    'hotreload.dev/signal': 'SIGHUP',
    'hotreload.dev/gate': 'publish',
    'hotreload.dev/validate': '/app --check',
    'hotreload.dev/bake': '60s',
    // As the webhook writes it on Pods.
    'hotreload.dev/status': '{"containers":{"app":{"agent":"hotreload-agent"}}}',
  }
  const gated = (version: string) => {
    const { spec, ...web } = deployment('web', { template, env: [], replicas: 3 })
    Object.assign(spec.template.spec, { volumes: [{ name: 'conf', configMap: { name: 'conf' } }] })
    Object.assign(spec.template.spec.containers[0] ?? {}, {
      env: [{ name: 'VERSION', value: version }],
      volumeMounts: [{ name: 'conf', mountPath: '/conf' }],
    })
    // A Pod that is Ready does not count as available, so that the rollout goes no further.
    return { ...web, spec: { ...spec, minReadySeconds: 3_600, progressDeadlineSeconds: 7_200 } }
  }
  const pods = () => ns.list<V1Pod>('pods', 'app=web')
  const nameOf = ({ metadata }: V1Pod) => metadata?.name ?? ''
  const nudged = async () =>
    (await pods())
      .filter(({ metadata }) => metadata?.annotations?.['hotreload.dev/nudge'] !== undefined)
      .map(nameOf)
  const makeReady = (pod: V1Pod) => {
    const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: new Date().toISOString() }]
    const patch = `--patch=${JSON.stringify({ status: { phase: 'Running', podIP: '10.0.0.1', conditions } })}`
    return ns.kubectl(['patch', 'pod', nameOf(pod), '--subresource=status', '--type=merge', patch])
  }
  await ns.apply([configMap('conf', { a: '1' }), gated('1')])
  const old = await until('three Pods', async () => {
    const found = await pods()
    return found.length === 3 && found
  })
  for (const pod of old) await makeReady(pod)
  // Pods have the second of their creation, and the next one has to be younger.
  const youngest = Math.max(...old.map(createdAt))
  await until('the next second', () => Date.now() >= youngest + 1_000)
  await ns.apply(gated('2'))
  const isOld = (pod: V1Pod) => old.some((one) => nameOf(one) === nameOf(pod))
  const newest = await until('a Pod of the new template', async () =>
    (await pods()).find((one) => !isOld(one)),
  )
  await makeReady(newest)
  const [ending] = old
  await ns.kubectl([
    'patch',
    'pod',
    nameOf(ending ?? {}),
    '--type=merge',
    '--patch={"metadata":{"finalizers":["example.com/wait"]}}',
  ])
  await ns.kubectl(['delete', 'pod', nameOf(ending ?? {}), '--wait=false'])
  let state = 'baking'
  const loadedAt = () => new Date().toISOString()
  await begin({
    askAgent: async () => ({
      container: 'app',
      state,
      error: null,
      volumes: [{ name: 'conf', loadedAt: loadedAt() }],
    }),
  })
  await ns.apply(configMap('conf', { a: '2' }))
  await until('a nudge', async () => (await nudged()).length > 0)
  await aWhile()
  expect(await nudged()).toEqual([nameOf(newest)])
  state = 'loaded'
  const [, ...others] = old.map(nameOf)
  await until('all other Pods are nudged', async () => {
    const names = await nudged()
    return others.every((name) => names.includes(name))
  })
  expect(await nudged()).not.toContain(nameOf(ending ?? {}))
  await ns.kubectl([
    'patch',
    'pod',
    nameOf(ending ?? {}),
    '--type=merge',
    '--patch={"metadata":{"finalizers":[]}}',
  ])
})
