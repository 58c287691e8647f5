// Level-based rollouts against the real API server and its Deployment controller.
import type { V1ConfigMap, V1Deployment, V1Pod, V1ReplicaSet } from '@kubernetes/client-node'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  configMap,
  deployment,
  leads,
  startTestController,
  type TestController,
} from '../support/controller.ts'
import { type Namespace, namespace, until } from '../support/kube.ts'
import { applyChangesNothing } from '../support/unchanged.ts'

let own: Namespace
let ns: Namespace
let running: TestController[]
beforeEach(async () => {
  running = []
  own = await namespace()
  ns = await namespace({ 'hotreload.dev/injection': 'enabled' })
})
afterEach(async () => {
  await Promise.all(running.map((one) => one.stop()))
})

async function start(
  ...options: Parameters<typeof startTestController> extends [string, ...infer R] ? R : never
) {
  const controller = await startTestController(own.name, ...options)
  running.push(controller)
  return controller
}
const REVISION = 'deployment.kubernetes.io/revision'
/** The Deployment controller counts templates; annotations and replicas of the Deployment don't change the number. */
async function revisionOf(name = 'web'): Promise<number> {
  const { metadata } = await ns.get<V1Deployment>('deployment', name)
  return Number(metadata?.annotations?.[REVISION] ?? 0)
}
const rolledTo = (revision: number, name = 'web', timeoutMs?: number) =>
  until(`revision ${revision}`, async () => (await revisionOf(name)) === revision, timeoutMs)
/** When the Deployment controller saw a rollout begin, in milliseconds. */
async function beganAt(revision: number, name: string): Promise<number> {
  const all = await ns.list<V1ReplicaSet>('replicaset', `app=${name}`)
  const found = all.find(({ metadata }) => metadata?.annotations?.[REVISION] === String(revision))
  return Date.parse(String(found?.metadata?.creationTimestamp))
}
/** In a kubelet's place: makes new Pods of a Deployment ready until it has this many of its present template. */
async function makeReady(count: number, name = 'web') {
  const status = { conditions: [{ type: 'Ready', status: 'True' }] }
  const isReady = (pod: V1Pod) =>
    pod.status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True')
  await until(`${count} ready Pods of ${name}`, async () => {
    const [newest] = (await ns.list<V1ReplicaSet>('replicaset', `app=${name}`)).toSorted(
      (a, b) => Number(b.metadata?.annotations?.[REVISION]) - Number(a.metadata?.annotations?.[REVISION]),
    )
    const pods = await ns.list<V1Pod>(
      'pod',
      `pod-template-hash=${newest?.metadata?.labels?.['pod-template-hash']}`,
    )
    const ready = pods.filter(isReady).length
    for (const pod of pods.filter((one) => !isReady(one)).slice(0, count - ready))
      await ns.kubectl([
        'patch',
        'pod',
        pod.metadata?.name ?? '',
        '--subresource=status',
        `--patch=${JSON.stringify({ status })}`,
      ])
    return ready === count
  })
}
/** By default long enough for a wrong rollout to begin. */
const aWhile = (milliseconds = 3_000) => new Promise((resolve) => setTimeout(resolve, milliseconds))
/** Waits until a baseline of this workload, with all of these sources, is stored. */
const recorded = (workload = 'deployment/web', ...sources: string[]) =>
  until(`a baseline of ${workload}`, async () => {
    const uid = await ns.kubectl(['get', workload, '--output=jsonpath={.metadata.uid}'])
    const shards = await own.list<V1ConfigMap>('configmap', 'hotreload.dev/part=baselines')
    const text = shards.map(({ data }) => data?.[uid]).find((one) => one !== undefined)
    return text !== undefined && sources.every((source) => text.includes(source))
  })

test('an edit of a used ConfigMap causes one rollout', async () => {
  await ns.apply([configMap('conf', { a: '1' }), deployment('web')])
  const controller = await start()
  await leads(controller)
  await recorded()
  await ns.apply(configMap('conf', { a: '2' }))
  await rolledTo(2)
  await until('the Event of its end', () => controller.events.length > 1)
  await aWhile()
  expect(await revisionOf()).toBe(2)
  expect(controller.events).toMatchObject([
    { reason: 'RolloutStarted', message: 'ConfigMap conf changed' },
    { reason: 'RolledOut', message: 'ConfigMap conf changed' },
  ])
})

test('a label, a replace and a recreation with the same data cause no rollout', async () => {
  await ns.apply([configMap('conf', { a: '1' }), deployment('web')])
  await leads(await start())
  await recorded()
  await ns.kubectl(['label', 'configmap', 'conf', 'team=a'])
  await ns.kubectl(['replace', '-f', '-'], JSON.stringify(configMap('conf', { a: '1' })))
  await ns.kubectl(['replace', '--force', '-f', '-'], JSON.stringify(configMap('conf', { a: '1' })))
  await aWhile()
  expect(await revisionOf()).toBe(1)
})

test('a change of a key that is not used causes no rollout', async () => {
  const web = deployment('web', { env: [] })
  const [container] = web.spec.template.spec.containers
  Object.assign(container ?? {}, {
    env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'conf', key: 'a' } } }],
  })
  await ns.apply([configMap('conf', { a: '1', b: '1' }), web])
  await leads(await start())
  await recorded()
  await ns.apply(configMap('conf', { a: '1', b: '2' }))
  await aWhile()
  expect(await revisionOf()).toBe(1)
  await ns.apply(configMap('conf', { a: '2', b: '2' }))
  await rolledTo(2)
})

test('changes of a workload’s 20 ConfigMaps within a second cause one rollout', async () => {
  const names = Array.from({ length: 20 }, (_, index) => `conf-${index}`)
  await ns.apply([...names.map((name) => configMap(name, { a: '1' })), deployment('web', { env: names })])
  const { client } = await start().then(async (one) => (await leads(one), one))
  await recorded('deployment/web', ...names)
  await Promise.all(
    names.map((name) =>
      client.call({
        method: 'PATCH',
        path: `/api/v1/namespaces/${ns.name}/configmaps/${name}`,
        body: { data: { a: '2' } },
        contentType: 'application/merge-patch+json',
      }),
    ),
  )
  await rolledTo(2)
  await aWhile()
  expect(await revisionOf()).toBe(2)
})

test('a restarted controller rolls out once for a change that it missed', async () => {
  await ns.apply([configMap('conf', { a: '1' }), deployment('web')])
  const first = await start()
  await leads(first)
  await recorded()
  await first.stop()
  await ns.apply(configMap('conf', { a: '2' }))
  await aWhile(1_500)
  expect(await revisionOf()).toBe(1)
  const second = await start()
  await rolledTo(2)
  await second.stop()
  await leads(await start())
  await aWhile()
  expect(await revisionOf()).toBe(2)
})

test('two replicas roll out once for a change, also after the leader stops', async () => {
  await ns.apply([configMap('conf', { a: '1' }), deployment('web')])
  const replicas = [await start(), await start()]
  await until('one replica leads', () => replicas.some((one) => one.isLeading()))
  await recorded()
  await ns.apply(configMap('conf', { a: '2' }))
  await rolledTo(2)
  const [leader, other] = replicas[0]?.isLeading() ? replicas : replicas.toReversed()
  await ns.apply(configMap('conf', { a: '3' }))
  // The leader has seen the change, and its quiet period is not over.
  await aWhile(300)
  await leader?.stop()
  await until('the other replica leads', () => other?.isLeading())
  await rolledTo(3)
  await aWhile()
  expect(await revisionOf()).toBe(3)
})

test("the controller waits for a user's own rollout, and for the end of spec.paused", async () => {
  await ns.apply([configMap('conf', { a: '1' }), deployment('web', { replicas: 2 })])
  await leads(await start())
  await recorded()
  await makeReady(1)
  await ns.apply(configMap('conf', { a: '2' }))
  await aWhile()
  expect(await revisionOf()).toBe(1)
  await makeReady(2)
  await rolledTo(2)
  await makeReady(2)
  await ns.kubectl(['rollout', 'pause', 'deployment', 'web'])
  await ns.apply(configMap('conf', { a: '3' }))
  await aWhile()
  expect(await revisionOf()).toBe(2)
  await ns.kubectl(['rollout', 'resume', 'deployment', 'web'])
  await rolledTo(3)
})

test('a mended ConfigMap does not wait for the Pods of the broken one', async () => {
  await ns.apply([configMap('conf', { a: '1' }), deployment('web', { replicas: 1 })])
  await leads(await start())
  await recorded()
  await makeReady(1)
  await ns.apply(configMap('conf', { a: 'bad' }))
  await rolledTo(2)
  // Nobody makes the new Pod ready.
  await aWhile(5_000)
  await ns.apply(configMap('conf', { a: 'good' }))
  await until('the mended template', async () => (await revisionOf()) === 3)
})

test('rollouts that hang hold a healthy neighbour up for half a minute', async () => {
  const hanging = ['a', 'b', 'c', 'd', 'e']
  await ns.apply([
    configMap('conf', { a: '1' }),
    configMap('good', { a: '1' }),
    ...hanging.map((name) => deployment(name, { replicas: 1 })),
    deployment('healthy', { env: ['good'] }),
  ])
  await leads(await start({ limits: { total: 0, perNamespace: 5 } }))
  for (const name of hanging) await makeReady(1, name)
  for (const name of [...hanging, 'healthy']) await recorded(`deployment/${name}`)
  await ns.apply(configMap('conf', { a: 'bad' }))
  for (const name of hanging) await rolledTo(2, name)
  await ns.apply(configMap('good', { a: '2' }))
  await rolledTo(2, 'healthy', 110_000)
  const hangingSince = Math.max(...(await Promise.all(hanging.map((name) => beganAt(2, name)))))
  expect((await beganAt(2, 'healthy')) - hangingSince).toBeGreaterThan(15_000)
}, 240_000)

test('hotreload.dev/pause on the workload or on the source delays rollouts until it is removed', async () => {
  await ns.apply([configMap('conf', { a: '1' }), deployment('web')])
  await leads(await start())
  await recorded()
  await ns.kubectl(['annotate', 'deployment', 'web', 'hotreload.dev/pause=true'])
  await ns.apply(configMap('conf', { a: '2' }))
  await aWhile()
  expect(await revisionOf()).toBe(1)
  await ns.kubectl(['annotate', 'configmap', 'conf', 'hotreload.dev/pause=true'])
  await ns.kubectl(['annotate', 'deployment', 'web', 'hotreload.dev/pause-'])
  await aWhile()
  expect(await revisionOf()).toBe(1)
  await ns.kubectl(['annotate', 'configmap', 'conf', 'hotreload.dev/pause-'])
  await rolledTo(2)
})

test('StatefulSets and DaemonSets roll out too, also with OnDelete', async () => {
  const { spec } = deployment('web')
  const { replicas: _, ...daemon } = spec
  const nowhere = {
    ...daemon,
    template: { ...daemon.template, spec: { ...daemon.template.spec, nodeSelector: { never: 'here' } } },
  }
  const metadata = { name: 'web', annotations: { 'hotreload.dev/inject': 'true' } }
  await ns.apply([
    configMap('conf', { a: '1' }),
    { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata, spec: { ...spec, serviceName: 'web' } },
    {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { ...metadata, name: 'manual' },
      spec: {
        ...spec,
        serviceName: 'web',
        updateStrategy: { type: 'OnDelete' },
        selector: { matchLabels: { app: 'manual' } },
        template: { ...spec.template, metadata: { labels: { app: 'manual' } } },
      },
    },
    { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata, spec: nowhere },
  ])
  await leads(await start())
  for (const one of ['statefulset/web', 'statefulset/manual', 'daemonset/web']) await recorded(one)
  await ns.apply(configMap('conf', { a: '2' }))
  for (const kind of ['statefulset/web', 'statefulset/manual', 'daemonset/web'])
    await until(
      `${kind} rolled out`,
      async () =>
        (await ns.kubectl(['get', kind, '--output=jsonpath={.spec.template.metadata.annotations}'])) !== '',
    )
})

test('a rollout by deletion is reported as done when all Pods were deleted', async () => {
  const { spec } = deployment('web', { replicas: 1 })
  await ns.apply([
    configMap('conf', { a: '1' }),
    {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: 'web', annotations: { 'hotreload.dev/inject': 'true' } },
      spec: { ...spec, serviceName: 'web', updateStrategy: { type: 'OnDelete' } },
    },
  ])
  const controller = await start()
  await leads(controller)
  await recorded('statefulset/web')
  const ready = async () => {
    const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] }
    const patch = ['patch', 'pod', 'web-0', '--subresource=status', `--patch=${JSON.stringify({ status })}`]
    await until('the Pod is ready', async () => (await ns.kubectl(patch)) !== '')
  }
  await ready()
  await ns.apply(configMap('conf', { a: '2' }))
  await until('the Event', () => controller.events.length > 0)
  await aWhile()
  const how =
    'ConfigMap conf changed; updateStrategy is OnDelete: Pods are replaced only when you delete them'
  expect(controller.events).toMatchObject([{ reason: 'RolloutStarted', message: how }])
  await ns.kubectl(['delete', 'pod', 'web-0'])
  await ready()
  await until('the end', () => controller.events.length > 1)
  expect(controller.events[1]).toMatchObject({ reason: 'RolledOut', message: how })
})

test('a StatefulSet gets a mended template at once, and a Pod that is not ready is replaced once somebody deletes it', async () => {
  const { spec } = deployment('web', { replicas: 1 })
  await ns.apply([
    configMap('conf', { a: '1' }),
    {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: 'web', annotations: { 'hotreload.dev/inject': 'true' } },
      spec: { ...spec, serviceName: 'web' },
    },
  ])
  const controller = await start()
  await leads(controller)
  await recorded('statefulset/web')
  const uid = () => ns.kubectl(['get', 'pod', 'web-0', '--output=jsonpath={.metadata.uid}'])
  const hash = () =>
    ns.kubectl(['get', 'pod', 'web-0', '--output=jsonpath={.metadata.labels.controller-revision-hash}'])
  const target = () => ns.kubectl(['get', 'statefulset', 'web', '--output=jsonpath={.status.updateRevision}'])
  await until('the first Pod', uid)
  const first = await target()
  await ns.apply(configMap('conf', { a: '2' }))
  await until('the new template', async () => (await target()) !== first)
  const stays = await uid()
  await aWhile()
  expect([await uid(), await hash()]).toEqual([stays, first])
  await ns.kubectl(['delete', 'pod', 'web-0'])
  await until('a Pod of the new template', async () => (await hash()) === (await target()))
})

test('an immutable ConfigMap that was created again is a warning, and never rolled out', async () => {
  await ns.apply([configMap('conf', { a: '1' }, {}), deployment('web')])
  await ns.kubectl(['patch', 'configmap', 'conf', '--patch={"immutable":true}'])
  const controller = await start()
  await leads(controller)
  await recorded()
  await ns.kubectl(
    ['replace', '--force', '-f', '-'],
    JSON.stringify({ ...configMap('conf', { a: '2' }), immutable: true }),
  )
  await rolledTo(2)
  await until('the warning', () => controller.events.length > 1)
  await aWhile()
  expect(controller.events.map(({ reason }) => reason)).toEqual(['RolloutStarted', 'ImmutableReplaced'])
})

test('after a rollout, a second apply changes nothing, client side and server side', async () => {
  const manifests = [configMap('conf', { a: '2' }), deployment('web')]
  await ns.apply([configMap('conf', { a: '1' }), deployment('web')])
  await leads(await start())
  await recorded()
  await ns.apply(manifests)
  await rolledTo(2)
  await until('the status of the rollout', async () => {
    const { status } = await ns.get<V1Deployment>('deployment', 'web')
    return status?.observedGeneration === 2
  })
  expect(await ns.apply(manifests)).toBe('configmap/conf unchanged\ndeployment.apps/web unchanged\n')
  await ns.apply(manifests, '--server-side', '--force-conflicts')
  await applyChangesNothing(ns, ['deployment', 'web'], () => ns.apply(manifests, '--server-side'))
  expect(await revisionOf()).toBe(2)
})

test('a checksum that is removed again and again causes an Event and no further rollout', async () => {
  await ns.apply([configMap('conf', { a: '0' }), deployment('web')])
  const controller = await start()
  await leads(controller)
  await recorded()
  const checksum = '{.spec.template.metadata.annotations.hotreload\\.dev/checksum}'
  for (const a of ['1', '2', '3']) {
    await ns.apply(configMap('conf', { a }))
    const hasChecksum = async () =>
      (await ns.kubectl(['get', 'deployment', 'web', `--output=jsonpath=${checksum}`])) !== ''
    await until('a checksum', hasChecksum)
    const remove = [{ op: 'remove', path: '/spec/template/metadata/annotations' }]
    await ns.kubectl(['patch', 'deployment', 'web', '--type=json', `--patch=${JSON.stringify(remove)}`])
    await recorded()
  }
  await until('the Event', () => controller.events.some(({ reason }) => reason === 'ChecksumReverted'))
  await until('the Deployment controller is at rest', async () => {
    const { metadata, status } = await ns.get<V1Deployment>('deployment', 'web')
    return status?.observedGeneration === metadata?.generation
  })
  const before = await revisionOf()
  await ns.apply(configMap('conf', { a: '4' }))
  await aWhile()
  expect(await revisionOf()).toBe(before)
})

test('hotreload.dev/inject has no effect in a namespace without our label', async () => {
  const other = await namespace()
  await other.apply([configMap('conf', { a: '1' }), deployment('web')])
  await leads(await start())
  await other.apply(configMap('conf', { a: '2' }))
  await aWhile()
  expect(
    (await other.get<V1Deployment>('deployment', 'web')).spec?.template.metadata?.annotations,
  ).toBeUndefined()
})
