// What a user of kubectl sees: manifests stay as they are, applying them again changes nothing, and nothing rolls out by surprise.
import type { V1Deployment, V1Pod } from '@kubernetes/client-node'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Namespace, until } from '../support/kube.ts'
import { tryKubectl } from '../support/kubectl.ts'
import { configMap, configMapVolume, deployment } from '../support/reload.ts'
import { applyChangesNothing } from '../support/unchanged.ts'
import { type Webhook, webhook } from '../support/webhook.ts'

const CHECKSUM = 'hotreload.dev/checksum'
const MIRRORED = 'hotreload.dev/mirrored'

let hook: Webhook
beforeAll(async () => {
  hook = await webhook()
})

/** An nginx with a subPath mount and a ConfigMap as environment: the webhook links a file, sets a signal and writes a checksum. */
const web = (annotations: Record<string, string> = {}, env = 'env') =>
  deployment(
    {
      image: 'nginx',
      envFrom: [{ configMapRef: { name: env } }],
      volumeMounts: [{ name: 'conf', mountPath: '/etc/nginx/nginx.conf', subPath: 'nginx.conf' }],
    },
    [configMapVolume('conf')],
    { annotations, replicas: 0 },
  )

const sources = [configMap('conf', { 'nginx.conf': 'events {}' }), configMap('env', { COLOR: 'blue' })]

async function applied(...flags: string[]): Promise<Namespace> {
  const ns = await hook.namespace()
  await ns.apply(sources)
  await ns.apply(web(), ...flags)
  return ns
}

const get = (ns: Namespace) => ns.get<V1Deployment>('deployment', 'web')
const templateAnnotations = async (ns: Namespace) =>
  (await get(ns)).spec?.template.metadata?.annotations ?? {}

/** kubectl reads the object twice, and controllers may write its status between. */
const diffIsEmpty = (ns: Namespace, object: object, flags: readonly string[]) =>
  until('kubectl diff shows nothing', async () => {
    return (await ns.kubectl(['diff', '-f', '-', ...flags], JSON.stringify(object))) === ''
  })

describe.each([[], ['--server-side']])('kubectl apply %s', (...flags) => {
  test('changes nothing the second time, and diff is empty', async () => {
    const ns = await applied(...flags)
    const first = await get(ns)
    expect(first.spec?.template.metadata?.annotations).toMatchObject({
      'hotreload.dev/inject': 'true',
      [MIRRORED]: 'inject',
      [CHECKSUM]: expect.stringMatching(/^\{"ConfigMap\/env":"[0-9a-f]{16}"\}$/),
    })
    const output = await ns.apply(web(), ...flags)
    // kubectl has no "unchanged" for --server-side.
    if (flags.length === 0) expect(output).toContain('unchanged')
    await applyChangesNothing(ns, ['deployment', 'web'], () => ns.apply(web(), ...flags))
    expect((await get(ns)).metadata?.generation).toBe(1)
    await diffIsEmpty(ns, web(), flags)
  })
})

test('the template gets annotations and nothing else', async () => {
  const ns = await applied()
  const plain = await hook.namespace({})
  await plain.apply([...sources, web()])
  const [injected, untouched] = [(await get(ns)).spec?.template, (await get(plain)).spec?.template]
  expect(injected?.spec).toEqual(untouched?.spec)
  expect({ ...injected?.metadata, annotations: undefined }).toEqual({
    ...untouched?.metadata,
    annotations: undefined,
  })
})

test('replacing with the same manifest, labelling and scaling roll nothing out', async () => {
  const ns = await applied()
  const before = await templateAnnotations(ns)
  await ns.kubectl(['replace', '-f', '-'], JSON.stringify(web()))
  expect(await templateAnnotations(ns)).toEqual(before)
  await ns.apply(configMap('env', { COLOR: 'red' }))
  await ns.kubectl(['label', 'deployment/web', 'team=a'])
  await ns.kubectl(['scale', 'deployment/web', '--replicas=1'])
  await ns.kubectl(['scale', 'deployment/web', '--replicas=0'])
  expect(await templateAnnotations(ns)).toEqual(before)
  await until('the first revision exists', async () => (await ns.list('replicasets')).length > 0, 110_000)
  expect(await ns.list('replicasets')).toHaveLength(1)
})

test('a changed template gets the present checksum, and so does one that rollout undo restores', async () => {
  const ns = await applied()
  const first = (await templateAnnotations(ns))[CHECKSUM]
  await ns.apply(configMap('env', { COLOR: 'red' }))
  await ns.kubectl(['set', 'image', 'deployment/web', 'web=nginx:2'])
  const second = (await templateAnnotations(ns))[CHECKSUM]
  expect(second).not.toBe(first)
  // rollout undo knows only revisions that have a ReplicaSet.
  await until('both revisions exist', async () => (await ns.list('replicasets')).length === 2, 110_000)
  await ns.kubectl(['rollout', 'undo', 'deployment/web'])
  const undone = await get(ns)
  expect(undone.spec?.template.spec?.containers[0]?.image).toBe('nginx')
  expect(undone.spec?.template.metadata?.annotations?.[CHECKSUM]).toBe(second)
})

test('the template follows when a key of the workload is added or removed', async () => {
  const ns = await applied()
  await ns.kubectl(['annotate', 'deployment/web', 'hotreload.dev/signal=USR2'])
  expect(await templateAnnotations(ns)).toMatchObject({
    'hotreload.dev/signal': 'USR2',
    [MIRRORED]: 'inject,signal',
  })
  await ns.kubectl(['annotate', 'deployment/web', 'hotreload.dev/signal-'])
  expect(await templateAnnotations(ns)).not.toHaveProperty(['hotreload.dev/signal'])
  await ns.kubectl(['annotate', 'deployment/web', 'hotreload.dev/inject-'])
  expect(await templateAnnotations(ns)).toEqual({})
})

test('a dry run shows the result and stores nothing', async () => {
  const ns = await hook.namespace()
  await ns.apply(sources)
  const shown = await ns.kubectl(
    ['apply', '-f', '-', '--dry-run=server', '-o', 'yaml'],
    JSON.stringify(web()),
  )
  expect(shown).toContain(`${MIRRORED}: inject`)
  expect((await tryKubectl(['get', 'deployment', 'web', '-n', ns.name])).code).not.toBe(0)
})

test('a refusal names all mistakes at once', async () => {
  const ns = await applied()
  const bad = web({ 'hotreload.dev/signal': 'HUPP', 'hotreload.dev/url': 'http://reload.shop.svc/-/reload' })
  const { code, stderr } = await tryKubectl(['apply', '-n', ns.name, '-f', '-'], JSON.stringify(bad))
  expect(code).not.toBe(0)
  expect(stderr).toContain(
    'hotreload.dev/signal: "HUPP" is not a signal; use a name such as SIGHUP or a number from 1 to 31 [HR_BAD_SIGNAL]',
  )
  expect(stderr).toContain(
    'hotreload.dev/url: "http://reload.shop.svc/-/reload" leaves the Pod; use http://127.0.0.1:PORT/PATH [HR_URL_NOT_LOCAL]',
  )
})

test('a workload in a namespace without the label gets a warning only', async () => {
  const ns = await hook.namespace({})
  await ns.apply(sources)
  const { stderr } = await tryKubectl(['apply', '-n', ns.name, '-f', '-'], JSON.stringify(web()))
  expect(stderr).toContain(`Warning: kubectl label namespace ${ns.name} hotreload.dev/injection=enabled: `)
  expect(await templateAnnotations(ns)).toEqual({})
})

test('the warning about a misspelt key suggests the known key', async () => {
  const ns = await hook.namespace()
  await ns.apply(sources)
  const { stderr } = await tryKubectl(
    ['apply', '-n', ns.name, '-f', '-'],
    JSON.stringify(web({ 'hotreload.dev/singal': 'HUP' })),
  )
  expect(stderr).toContain(
    'Warning: unknown annotation hotreload.dev/singal; did you mean hotreload.dev/signal?',
  )
})

describe('a bare Pod', () => {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', annotations: { 'hotreload.dev/inject': 'true' } },
    spec: {
      schedulerName: 'none', // so that nothing else writes the Pod
      containers: [
        {
          name: 'web',
          image: 'nginx',
          volumeMounts: [
            { name: 'conf', mountPath: '/etc/nginx/conf.d' },
            { name: 'conf', mountPath: '/etc/nginx/nginx.conf', subPath: 'nginx.conf' },
          ],
        },
      ],
      volumes: [configMapVolume('conf')],
    },
  }

  test.each([[], ['--server-side']])(
    'has its agent, and a second apply %s changes nothing',
    async (...flags) => {
      const ns = await hook.namespace()
      await ns.apply(sources)
      await ns.apply(pod, ...flags)
      const first = await ns.get<V1Pod>('pod', 'web')
      expect(first.spec?.initContainers?.map(({ name }) => name)).toEqual([
        'hotreload-install',
        'hotreload-agent',
      ])
      expect(first.spec?.containers[0]?.volumeMounts?.filter(({ subPath }) => subPath)).toHaveLength(1)
      await applyChangesNothing(ns, ['pod', 'web'], () => ns.apply(pod, ...flags))
      await diffIsEmpty(ns, pod, flags)
    },
  )
})
