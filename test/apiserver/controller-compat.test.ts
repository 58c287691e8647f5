// Each row of Reloader's and Wave's annotations, with those annotations alone, in a namespace without our label.
import type { V1CronJob, V1Deployment, V1Job } from '@kubernetes/client-node'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  configMap,
  deployment,
  settled,
  startTestController,
  type TestController,
  type TestControllerOptions,
} from '../support/controller.ts'
import { kubectl, manifest, type Namespace, namespace, until } from '../support/kube.ts'

let own: Namespace
let ns: Namespace
let controller: TestController | undefined
beforeEach(async () => {
  own = await namespace()
  ns = await namespace()
})
afterEach(() => controller?.stop())

const r = 'reloader.stakater.com'
const aWhile = (milliseconds = 2_500) => new Promise((resolve) => setTimeout(resolve, milliseconds))
const secret = (name: string, value: string, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, ...metadata },
  stringData: { key: value },
})

/** Starts the controller on the present objects, and waits until it knows the state of each workload. */
async function begin(options?: TestControllerOptions): Promise<TestController> {
  controller = await startTestController(own.name, options)
  await settled(controller)
  return controller
}
const get = (name = 'web') => ns.get<V1Deployment>('deployment', name)
const envOf = ({ spec }: V1Deployment) =>
  spec?.template.spec?.containers[0]?.env?.map(({ name }) => name) ?? []
/** @throws if there is no rollout in time */
const expectRolled = (variable: string, name = 'web') =>
  until(`${variable} on ${name}`, async () => envOf(await get(name)).includes(variable))
const expectNotRolled = async (name = 'web') => {
  await aWhile()
  expect(envOf(await get(name))).toEqual([])
}

describe('Reloader’s annotations', () => {
  type Row = [string, Record<string, string>, object[], object, string | undefined, TestControllerOptions?]
  const conf = (a: string, metadata = {}) => configMap('conf', { a }, metadata)
  const db = (value: string, metadata = {}) => secret('db', value, metadata)
  const CONF = 'STAKATER_CONF_CONFIGMAP'
  const rows: Row[] = [
    ['auto', { [`${r}/auto`]: 'true' }, [conf('1')], conf('2'), CONF],
    ['configmap auto', { [`configmap.${r}/auto`]: '1' }, [conf('1')], conf('2'), CONF],
    [
      'secret auto leaves ConfigMaps alone',
      { [`secret.${r}/auto`]: 'true' },
      [conf('1')],
      conf('2'),
      undefined,
    ],
    [
      'a list without a reference',
      { [`secret.${r}/reload`]: 'x, d.' },
      [conf('1'), db('1')],
      db('2'),
      'STAKATER_DB_SECRET',
    ],
    [
      'a list is not vetoed by auto: false',
      { [`${r}/auto`]: 'false', [`configmap.${r}/reload`]: 'conf' },
      [conf('1')],
      conf('2'),
      CONF,
    ],
    [
      'search and match',
      { [`${r}/search`]: 'true' },
      [conf('1', { annotations: { [`${r}/match`]: 'true' } })],
      conf('2', { annotations: { [`${r}/match`]: 'true' } }),
      CONF,
    ],
    ['search without match', { [`${r}/search`]: 'true' }, [conf('1')], conf('2'), undefined],
    [
      'exclude',
      { [`${r}/auto`]: 'true', [`configmaps.exclude.${r}/reload`]: 'conf' },
      [conf('1')],
      conf('2'),
      undefined,
    ],
    [
      'exclude of Secrets',
      { [`secret.${r}/reload`]: 'db', [`secrets.exclude.${r}/reload`]: 'db' },
      [conf('1'), db('1')],
      db('2'),
      undefined,
    ],
    [
      'ignore on the source',
      { [`${r}/auto`]: 'true' },
      [conf('1', { annotations: { [`${r}/ignore`]: 'true' } })],
      conf('2', { annotations: { [`${r}/ignore`]: 'true' } }),
      undefined,
    ],
    ['labels alone', { [`${r}/auto`]: 'true' }, [conf('1')], conf('1', { labels: { a: 'b' } }), undefined],
    ['auto-reload-all', {}, [conf('1')], conf('2'), CONF, { compat: { autoReloadAll: true } }],
    [
      'auto-reload-all and auto: false',
      { [`${r}/auto`]: 'false' },
      [conf('1')],
      conf('2'),
      undefined,
      { compat: { autoReloadAll: true } },
    ],
    [
      'a new source',
      { [`configmap.${r}/reload`]: 'late' },
      [conf('1')],
      configMap('late', { a: '1' }),
      undefined,
    ],
    [
      'a new source with reload-on-create',
      { [`configmap.${r}/reload`]: 'late' },
      [conf('1')],
      configMap('late', { a: '1' }),
      'STAKATER_LATE_CONFIGMAP',
      { compat: { reloadOnCreate: true } },
    ],
    [
      'compat=none',
      { [`${r}/auto`]: 'true' },
      [conf('1')],
      conf('2'),
      undefined,
      { compat: { enabled: false } },
    ],
    [
      'resource-label-selector',
      { [`${r}/auto`]: 'true' },
      [conf('1')],
      conf('2'),
      undefined,
      { compat: { resourceSelector: [{ key: 'a', operator: 'exists', values: [] }] } },
    ],
  ]
  test.each(rows)('%s', async (_name, metadata, before, change, expected, options) => {
    await ns.apply([...before, deployment('web', { metadata })])
    await begin(options)
    await ns.apply(change)
    await (expected === undefined ? expectNotRolled() : expectRolled(expected))
  })

  test('the template’s annotations count if the metadata has none', async () => {
    await ns.apply([conf('1'), deployment('web', { metadata: {}, template: { [`${r}/auto`]: 'true' } })])
    await begin()
    await ns.apply(conf('2'))
    await expectRolled(CONF)
  })

  test('reload-on-delete: the removal of a source rolls out', async () => {
    await ns.apply([conf('1'), deployment('web', { metadata: { [`${r}/auto`]: 'true' } })])
    await begin({ compat: { reloadOnDelete: true } })
    await ns.kubectl(['delete', 'configmap', 'conf'])
    await expectRolled(CONF)
  })

  test('a value that Reloader wrote rolls nothing out, and a change rolls out once', async () => {
    const web = deployment('web', { metadata: { [`${r}/auto`]: 'true' } })
    Object.assign(web.spec.template.spec.containers[0] ?? {}, {
      env: [{ name: CONF, value: '0beec7b5ea3f0fdb' }],
    })
    await ns.apply([conf('1'), web])
    const { metadata: before } = await get()
    await begin()
    expect((await get()).metadata?.generation).toBe(before?.generation)
    await ns.apply(conf('2'))
    await until('another value', async () => {
      const env = (await get()).spec?.template.spec?.containers[0]?.env
      return env?.[0]?.value !== '0beec7b5ea3f0fdb'
    })
    await aWhile()
    expect((await get()).metadata?.annotations?.['deployment.kubernetes.io/revision']).toBe('2')
  })
})

test('Reloader: the strategy annotations writes an annotation and no variable', async () => {
  await ns.apply([
    secret('db', 'hunter2'),
    deployment('web', { metadata: { [`secret.${r}/reload`]: 'db' }, env: [] }),
  ])
  await begin({ compat: { strategy: 'annotations' } })
  await ns.apply(secret('db', 'hunter3'))
  const text = await until('the annotation', async () => {
    return (await get()).spec?.template.metadata?.annotations?.[`${r}/last-reloaded-from`]
  })
  const written: { hash: string } = JSON.parse(text)
  expect(written).toMatchObject({ type: 'SECRET', name: 'db', namespace: ns.name, containerRefs: ['app'] })
  // The hash of a Secret uses the install key.
  expect(written.hash).toMatch(/^[0-9a-f]{8}\.2:[0-9a-f]{16}$/)
  expect(envOf(await get())).toEqual([])
})

test('Reloader: pause-period puts a rollout off, which then has all changes; an old pause of Reloader’s ends', async () => {
  const key = `deployment.${r}/pause-period`
  const old = deployment('left', {
    metadata: { [`${r}/auto`]: 'true', [key]: '1s', [`deployment.${r}/paused-at`]: '2026-01-01T00:00:00Z' },
  })
  await ns.apply([
    configMap('conf', { a: '1' }),
    deployment('web', { metadata: { [`${r}/auto`]: 'true' }, template: { [key]: '10s' } }),
    { ...old, spec: { ...old.spec, paused: true } },
  ])
  await begin()
  await until('the old pause ends', async () => (await get('left')).spec?.paused !== true)
  const at = Date.now()
  await ns.apply(configMap('conf', { a: '2' }))
  const revision = async () => (await get()).metadata?.annotations?.['deployment.kubernetes.io/revision']
  await aWhile(4_000)
  await ns.apply(configMap('conf', { a: '3' }))
  await until('the rollout', async () => (await revision()) === '2')
  expect(Date.now() - at).toBeGreaterThan(9_000)
  await aWhile(3_000)
  expect(await revision()).toBe('2')
})

describe('Reloader: Jobs and CronJobs', () => {
  const template = {
    spec: {
      restartPolicy: 'Never',
      nodeSelector: { never: 'here' },
      containers: [{ name: 'app', image: 'localhost/none:1', envFrom: [{ configMapRef: { name: 'conf' } }] }],
    },
  }
  const cronJob = (name: string, suspend: boolean) => ({
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name, annotations: { [`${r}/auto`]: 'true' } },
    spec: { schedule: '0 0 1 1 *', suspend, jobTemplate: { spec: { template } } },
  })

  test('a CronJob runs once now; a suspended one does not', async () => {
    await ns.apply([configMap('conf', { a: '1' }), cronJob('report', false), cronJob('off', true)])
    await begin()
    await ns.apply(configMap('conf', { a: '2' }))
    const jobs = await until('a Job', async () => {
      const found = await ns.list<V1Job>('jobs')
      return found.length > 0 && found
    })
    await aWhile()
    expect(await ns.list('jobs')).toHaveLength(1)
    expect(jobs[0]?.metadata).toMatchObject({
      annotations: { 'cronjob.kubernetes.io/instantiate': 'manual' },
      ownerReferences: [{ kind: 'CronJob', name: 'report', controller: true }],
    })
    expect((await ns.get<V1CronJob>('cronjob', 'report')).spec?.suspend).toBe(false)
  })

  test('a Job is deleted and recreated', async () => {
    const metadata = { name: 'import', annotations: { [`${r}/auto`]: 'true' }, labels: { team: 'a' } }
    await ns.apply([
      configMap('conf', { a: '1' }),
      { apiVersion: 'batch/v1', kind: 'Job', metadata, spec: { template } },
    ])
    const before = await ns.get<V1Job>('job', 'import')
    await begin()
    await ns.apply(configMap('conf', { a: '2' }))
    const after = await until('another Job of that name', async () => {
      const job = await ns.get<V1Job>('job', 'import')
      return job.metadata?.uid !== before.metadata?.uid && job
    })
    expect(after.metadata?.labels).toMatchObject({ team: 'a' })
    await aWhile()
    expect((await ns.get<V1Job>('job', 'import')).metadata?.uid).toBe(after.metadata?.uid)
  })
})

test('Wave: a workload is adopted without a rollout; referenced and extra sources roll out, also those of another namespace', async () => {
  const other = await namespace()
  const shared = (a: string) =>
    configMap('shared', { a }, { annotations: { 'hotreload.dev/share-with': ns.name } })
  await other.apply([shared('1'), configMap('private', { a: '1' })])
  const metadata = {
    'wave.pusher.com/update-on-config-change': 'true',
    'wave.pusher.com/extra-configmaps': `${other.name}/shared,${other.name}/private`,
  }
  const web = deployment('web', { metadata, template: { 'wave.pusher.com/config-hash': 'by wave' } })
  await ns.apply([configMap('conf', { a: '1' }), web])
  await begin()
  const hash = async () => (await get()).spec?.template.metadata?.annotations?.['wave.pusher.com/config-hash']
  expect(await hash()).toBe('by wave')
  await ns.apply(configMap('conf', { a: '2' }))
  const second = await until('a new hash', async () => {
    const now = await hash()
    return now !== 'by wave' && now
  })
  await other.apply(shared('2'))
  await until('another hash', async () => (await hash()) !== second)
  expect((await get()).metadata?.annotations?.['hotreload.dev/checksum']).toMatch(
    /"ConfigMap\/test-[^"]+\/shared":"[0-9a-f]{8}\.2:/,
  )
  expect((await get()).metadata?.annotations?.['hotreload.dev/checksum']).not.toContain('private')
})

describe('with custom resources', () => {
  const crd = (group: string, kind: string, plural: string, version = 'v1') => ({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${group}`,
      annotations: { 'api-approved.kubernetes.io': 'unapproved, for a test' },
    },
    spec: {
      group,
      names: { kind, plural, singular: kind.toLowerCase() },
      scope: 'Namespaced',
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
        },
      ],
    },
  })
  const install = async (...crds: ReturnType<typeof crd>[]) => {
    await kubectl(['apply', '-f', '-'], manifest(crds))
    for (const { metadata } of crds)
      await kubectl(['wait', '--for=condition=Established', 'crd', metadata.name])
  }

  test('an Argo Rollout gets an annotation, or restartAt with the strategy restart', async () => {
    await install(crd('argoproj.io', 'Rollout', 'rollouts', 'v1alpha1'))
    const { spec } = deployment('web')
    const rollout = (name: string, metadata: Record<string, string>) => ({
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'Rollout',
      metadata: { name, annotations: { [`${r}/auto`]: 'true', ...metadata } },
      spec,
      status: { observedGeneration: '100', phase: 'Healthy' },
    })
    await ns.apply([
      configMap('conf', { a: '1' }),
      rollout('web', {}),
      rollout('again', { [`${r}/rollout-strategy`]: 'restart' }),
    ])
    await begin({ compat: { strategy: 'annotations' } })
    await ns.apply(configMap('conf', { a: '2' }))
    type Rollout = {
      spec: { restartAt?: string; template: { metadata: { annotations?: Record<string, string> } } }
    }
    await until(
      'restartAt',
      async () => (await ns.get<Rollout>('rollout.argoproj.io', 'again')).spec.restartAt,
    )
    await until('the annotation', async () => {
      return (await ns.get<Rollout>('rollout.argoproj.io', 'web')).spec.template.metadata.annotations?.[
        `${r}/last-reloaded-from`
      ]
    })
    const { template } = (await ns.get<Rollout>('rollout.argoproj.io', 'again')).spec
    expect(template.metadata.annotations).toBeUndefined()
  })

  test('a SecretProviderClass rolls out once when the CSI driver has fetched another version', async () => {
    const group = 'secrets-store.csi.x-k8s.io'
    await install(
      crd(group, 'SecretProviderClass', 'secretproviderclasses'),
      crd(group, 'SecretProviderClassPodStatus', 'secretproviderclasspodstatuses'),
    )
    const status = (pod: string, version: string) => ({
      apiVersion: `${group}/v1`,
      kind: 'SecretProviderClassPodStatus',
      metadata: { name: `${pod}-vault` },
      status: { secretProviderClassName: 'vault', podName: pod, objects: [{ id: 'secret/db', version }] },
    })
    const web = deployment('web', { metadata: { [`secretproviderclass.${r}/auto`]: 'true' }, env: [] })
    Object.assign(web.spec.template.spec, {
      volumes: [{ name: 'v', csi: { driver: group, volumeAttributes: { secretProviderClass: 'vault' } } }],
    })
    Object.assign(web.spec.template.spec.containers[0] ?? {}, {
      volumeMounts: [{ name: 'v', mountPath: '/v' }],
    })
    await ns.apply([
      { apiVersion: `${group}/v1`, kind: 'SecretProviderClass', metadata: { name: 'vault' }, spec: {} },
      status('a', '1'),
      status('b', '1'),
      web,
    ])
    await begin({ compat: { csi: true } })
    await ns.apply(status('a', '2'))
    await expectRolled('STAKATER_VAULT_SECRETPROVIDERCLASS')
    await ns.apply(status('b', '2'))
    await aWhile()
    expect((await get()).metadata?.annotations?.['deployment.kubernetes.io/revision']).toBe('2')
  })
})

test('with hotreload.dev/inject too, auto reloads in place without a rollout, and an explicit list rolls out', async () => {
  const labelled = await namespace({ 'hotreload.dev/injection': 'enabled' })
  const web = (name: string, metadata: Record<string, string>) => {
    const made = deployment(name, {
      metadata: { 'hotreload.dev/inject': 'true', 'hotreload.dev/signal': 'SIGHUP', ...metadata },
      env: [],
    })
    Object.assign(made.spec.template.spec, { volumes: [{ name: 'conf', configMap: { name: 'conf' } }] })
    Object.assign(made.spec.template.spec.containers[0] ?? {}, {
      volumeMounts: [{ name: 'conf', mountPath: '/conf' }],
    })
    return made
  }
  await labelled.apply([
    configMap('conf', { a: '1' }),
    web('in-place', { [`${r}/auto`]: 'true' }),
    web('listed', { [`configmap.${r}/reload`]: 'conf' }),
  ])
  await begin()
  await labelled.apply(configMap('conf', { a: '2' }))
  await until(
    'the listed one',
    async () => envOf(await labelled.get<V1Deployment>('deployment', 'listed')).length > 0,
  )
  await aWhile()
  expect(envOf(await labelled.get<V1Deployment>('deployment', 'in-place'))).toEqual([])
})
