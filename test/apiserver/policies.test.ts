// What a stolen token of ours can't do: the policies of deploy/, in an install with a namePrefix, a nameSuffix and another namespace.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { kustomizeProgram } from '../cluster/programs.ts'
import { run } from '../cluster/run.ts'
import { accountKubeconfig } from '../support/account.ts'
import { kubectl, manifest, type Namespace, namespace, tryKubectl, until } from '../support/kube.ts'

const root = join(import.meta.dirname, '../..')

/** A directory with a kustomization that renames everything of deploy/. */
async function overlay(prefix: string, system: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'hotreload-overlay-'))
  await writeFile(
    join(directory, 'kustomization.yaml'),
    `namePrefix: ${prefix}\nnameSuffix: -two\nnamespace: ${system}\nresources: [${relative(directory, join(root, 'deploy'))}]\n`,
  )
  return directory
}

let ns: Namespace
let system: Namespace
let prefix: string
let installed: string
let controller: string
let webhook: string
beforeAll(async () => {
  ;[ns, system] = [await namespace(), await namespace()]
  prefix = `p${crypto.randomUUID().slice(0, 6)}-`
  const directory = await overlay(prefix, system.name)
  const rendered = await kubectl(['kustomize', directory])
  await rm(directory, { recursive: true })
  const kinds = /^(ServiceAccount|.*Role|.*RoleBinding|ValidatingAdmissionPolicy.*)$/
  const objects = parseAllDocuments(rendered)
    .map((document) => document.toJS())
    // The policy for Pods of all users is another test's.
    .filter(({ kind, metadata }) => kinds.test(kind) && !metadata.name.includes('restart-policy'))
  installed = manifest(objects)
  await kubectl(['apply', '-f', '-'], installed)
  controller = await accountKubeconfig(`${prefix}hotreload-controller-two`, system.name)
  webhook = await accountKubeconfig(`${prefix}hotreload-two`, system.name)
})
afterAll(async () => {
  await tryKubectl(['delete', '--ignore-not-found', '-f', '-'], installed)
})

/** What the API server says to it; empty: it is allowed. */
async function refusal(kubeconfig: string, argv: string[], input?: object): Promise<string> {
  const { code, stderr } = await tryKubectl(
    [...argv, '--kubeconfig', kubeconfig],
    input === undefined ? undefined : manifest(input),
  )
  return code === 0 ? '' : stderr
}

const patch = (what: string, body: object, type = 'strategic', where = ns.name): Promise<string> =>
  refusal(controller, [
    'patch',
    what,
    '--namespace',
    where,
    `--type=${type}`,
    `--patch=${JSON.stringify(body)}`,
    '--dry-run=server',
  ])

const inTemplate = (template: object) => ({ spec: { template } })
const inPod = (spec: object) => inTemplate({ spec })
const inContainer = (fields: object) => inPod({ containers: [{ name: 'web', ...fields }] })
const annotated = (annotations: Record<string, string | null>) => ({ metadata: { annotations } })

const template = {
  metadata: { labels: { app: 'web' }, annotations: { 'hotreload.dev/signal': 'HUP', theirs: '1' } },
  spec: {
    containers: [
      {
        name: 'web',
        image: 'localhost/none:1',
        env: [
          { name: 'A', value: '1' },
          { name: 'STAKATER_OLD_CONFIGMAP', value: 'old' },
          { name: 'B', value: '$(A)' },
        ],
      },
      { name: 'other', image: 'localhost/none:1' },
    ],
  },
}
const workload = (kind: 'Deployment' | 'StatefulSet' | 'DaemonSet') => ({
  apiVersion: 'apps/v1',
  kind,
  metadata: {
    name: 'web',
    labels: { team: 'a' },
    annotations: { 'hotreload.dev/inject': 'true', theirs: '1' },
  },
  spec: {
    ...(kind === 'DaemonSet' ? {} : { replicas: 0 }),
    ...(kind === 'StatefulSet' ? { serviceName: 'web' } : {}),
    selector: { matchLabels: { app: 'web' } },
    template:
      kind === 'DaemonSet'
        ? { ...template, spec: { ...template.spec, nodeSelector: { no: 'node' } } }
        : template,
  },
})
const cronJob = {
  apiVersion: 'batch/v1',
  kind: 'CronJob',
  metadata: { name: 'web', annotations: { theirs: '1' } },
  spec: {
    schedule: '0 0 1 1 *',
    suspend: true,
    jobTemplate: { spec: { template: { ...template, spec: { ...template.spec, restartPolicy: 'Never' } } } },
  },
}

describe('workloads', () => {
  beforeAll(async () => {
    await ns.apply([workload('Deployment'), workload('StatefulSet'), workload('DaemonSet'), cronJob])
    await until(
      'the policy is in force',
      async () => (await patch('deployment/web', { spec: { replicas: 1 } })) !== '',
    )
  })

  test.each<[string, object, string?]>([
    ['its checksum in the template', inTemplate(annotated({ 'hotreload.dev/checksum': '{"a":"b"}' }))],
    ['its checksum on the workload', annotated({ 'hotreload.dev/checksum': '{"a":"b"}' })],
    ['Reloader’s paused-at', annotated({ 'deployment.reloader.stakater.com/paused-at': 'now' })],
    ['Reloader’s annotation', inTemplate(annotated({ 'reloader.stakater.com/last-reloaded-from': '{}' }))],
    ['Wave’s annotation', inTemplate(annotated({ 'wave.pusher.com/config-hash': 'a' }))],
    ['a mirrored annotation', inTemplate(annotated({ 'hotreload.dev/inject': 'true' }))],
    ['the removal of a mirrored annotation', inTemplate(annotated({ 'hotreload.dev/signal': null }))],
    ['a new variable of Reloader', inContainer({ env: [{ name: 'STAKATER_CONF_CONFIGMAP', value: 'a' }] })],
    ['the change of one', inContainer({ env: [{ name: 'STAKATER_OLD_CONFIGMAP', value: 'new' }] })],
    [
      'a variable of the other container',
      inPod({ containers: [{ name: 'other', env: [{ name: 'STAKATER_CONF_SECRET', value: 'a' }] }] }),
    ],
    ['nothing', {}],
  ])('may get %s', async (_what, body) => {
    for (const kind of ['deployment', 'statefulset', 'daemonset'])
      expect(await patch(`${kind}/web`, body)).toBe('')
  })

  test('a Deployment may be resumed, and a rollout is a server-side apply', async () => {
    expect(await patch('deployment/web', { spec: { paused: true } })).toBe('')
    const body = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', annotations: { 'hotreload.dev/checksum': '{}' } },
      spec: {
        template: {
          metadata: { annotations: { 'hotreload.dev/checksum': '{}' } },
          spec: {
            containers: [
              { name: 'other', env: [{ name: 'STAKATER_CONF_CONFIGMAP', value: '1' }] },
              { name: 'web', env: [{ name: 'STAKATER_CONF_CONFIGMAP', value: '1' }] },
            ],
          },
        },
      },
    }
    const apply = [
      'apply',
      '--server-side',
      '--force-conflicts',
      '--field-manager=hotreload',
      '--namespace',
      ns.name,
    ]
    expect(await refusal(controller, [...apply, '--validate=false', '-f', '-'], body)).toBe('')
    expect(await patch('deployment/web', {})).toBe('')
  })

  test.each<[string, object, string?]>([
    ['an image', inContainer({ image: 'localhost/evil:1' })],
    ['a command', inContainer({ command: ['sh'] })],
    ['another variable', inContainer({ env: [{ name: 'LD_PRELOAD', value: '/evil.so' }] })],
    ['the change of another variable', inContainer({ env: [{ name: 'A', value: '2' }] })],
    [
      'a variable from a Secret, by Reloader’s name',
      inContainer({
        env: [{ name: 'STAKATER_A_SECRET', valueFrom: { secretKeyRef: { name: 'db', key: 'k' } } }],
      }),
    ],
    ['envFrom', inContainer({ envFrom: [{ secretRef: { name: 'db' } }] })],
    ['privileges', inContainer({ securityContext: { privileged: true } })],
    ['another container', inPod({ containers: [{ name: 'evil', image: 'localhost/evil:1' }] })],
    ['an init container', inPod({ initContainers: [{ name: 'evil', image: 'localhost/evil:1' }] })],
    ['a container less', inPod({ containers: [{ name: 'other', $patch: 'delete' }] })],
    ['a volume', inPod({ volumes: [{ name: 'host', hostPath: { path: '/' } }] })],
    ['a ServiceAccount', inPod({ serviceAccountName: 'admin' })],
    ['hostPID', inPod({ hostPID: true })],
    ['a label of Pods', inTemplate({ metadata: { labels: { evil: 'true' } } })],
    ['a command for the agent', inTemplate(annotated({ 'hotreload.dev/command': 'sh -c evil' }))],
    ['an opt-in', annotated({ 'hotreload.dev/command': 'sh -c evil' })],
    ['others’ annotations in the template', inTemplate(annotated({ theirs: '2' }))],
    ['the removal of one', inTemplate(annotated({ theirs: null }))],
    ['others’ annotations', annotated({ theirs: '2' })],
    ['the removal of one on the workload', annotated({ theirs: null })],
    ['a label', { metadata: { labels: { team: 'b' } } }],
    ['the removal of a label', { metadata: { labels: { team: null } } }],
    ['a finalizer', { metadata: { finalizers: ['example.com/evil'] } }],
    ['an owner', { metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'a', uid: 'b' }] } }],
  ])('may not get %s', async (_what, body) => {
    for (const kind of ['deployment', 'statefulset', 'daemonset'])
      expect(await patch(`${kind}/web`, body)).toContain('hotreload may change')
  })

  test('replicas, strategy and the like stay', async () => {
    expect(await patch('deployment/web', { spec: { replicas: 1 } })).toContain('hotreload may change')
    expect(await patch('deployment/web', { spec: { minReadySeconds: 1 } })).toContain('hotreload may change')
  })

  test('a CronJob may get the checksum only, and what the webhook mirrors', async () => {
    const inJob = (spec: object) => ({ spec: { jobTemplate: { spec } } })
    expect(await patch('cronjob/web', annotated({ 'hotreload.dev/checksum': '{}' }))).toBe('')
    expect(
      await patch('cronjob/web', inJob(inTemplate(annotated({ 'hotreload.dev/signal': null })).spec)),
    ).toBe('')
    for (const body of [
      { spec: { schedule: '* * * * *' } },
      { spec: { suspend: false } },
      inJob({ parallelism: 9 }),
      inJob(inContainer({ image: 'localhost/evil:1' }).spec),
      inJob(inPod({ hostPID: true }).spec),
      { spec: { jobTemplate: { metadata: { labels: { a: 'b' } } } } },
    ])
      expect(await patch('cronjob/web', body)).toContain('hotreload may change')
  })

  test('those of kube-system and of its own namespace stay as they are', async () => {
    const own = inTemplate(annotated({ 'hotreload.dev/checksum': '{"a":"b"}' }))
    await system.apply(workload('Deployment'))
    expect(await patch('deployment/web', own, 'merge', system.name)).toContain('no workload of kube-system')
    const there = {
      ...workload('Deployment'),
      metadata: { name: `web-${prefix}x`, namespace: 'kube-system' },
    }
    await kubectl(['apply', '-f', '-'], manifest(there))
    const answer = await patch(`deployment/web-${prefix}x`, own, 'merge', 'kube-system')
    await kubectl(['delete', '-f', '-'], manifest(there))
    expect(answer).toContain('no workload of kube-system')
  })

  test('of a thousand variables in forty containers: a rollout is no more work than the policy may have', async () => {
    const env = Array.from({ length: 1_000 }, (_, index) => ({ name: `V${index}`, value: 'x'.repeat(40) }))
    const containers = Array.from({ length: 40 }, (_, index) => ({
      name: `c${index}`,
      image: 'localhost/none:1',
      env: index === 0 ? env : env.slice(0, 50),
    }))
    const big = workload('Deployment')
    await ns.apply({
      ...big,
      metadata: { name: 'big' },
      spec: { ...big.spec, template: { metadata: { labels: { app: 'web' } }, spec: { containers } } },
    })
    expect(await patch('deployment/big', inTemplate(annotated({ 'hotreload.dev/checksum': '{}' })))).toBe('')
  })

  test('of other users the policy says nothing', async () => {
    const replicas = JSON.stringify({ spec: { replicas: 1 } })
    const patched = ns.kubectl(['patch', 'deployment', 'web', '--dry-run=server', `--patch=${replicas}`])
    await expect(patched).resolves.toContain('patched')
  })

  test('the webhook’s token changes none at all', async () => {
    const argv = [
      'annotate',
      'deployment',
      'web',
      'hotreload.dev/checksum=a',
      '--overwrite',
      '--namespace',
      ns.name,
    ]
    for (const verb of ['patch', 'update', 'create', 'delete'])
      for (const what of ['deployments.apps', 'jobs.batch', 'pods'])
        expect(
          (await tryKubectl(['auth', 'can-i', verb, what, '--namespace', ns.name, '--kubeconfig', webhook]))
            .stdout,
        ).toBe('no\n')
    expect(await refusal(webhook, argv)).toContain('forbidden')
  })
})

describe('Jobs', () => {
  const owner = {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    name: 'web',
    uid: crypto.randomUUID(),
    controller: true,
  }
  const job = (metadata: object, where = ns.name) => ({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'once', namespace: where, ...metadata },
    spec: { suspend: true, template: { ...template, spec: { ...template.spec, restartPolicy: 'Never' } } },
  })
  const create = (object: object) =>
    refusal(controller, ['create', '--dry-run=server', '--validate=false', '-f', '-'], object)
  const run = { annotations: { 'cronjob.kubernetes.io/instantiate': 'manual' }, ownerReferences: [owner] }

  test('may be created with a checksum, or as a run of a CronJob', async () => {
    expect(await create(job(annotated({ 'hotreload.dev/checksum': '{}' }).metadata))).toBe('')
    expect(await create(job(run))).toBe('')
  })
  test.each<[string, object]>([
    ['without either', {}],
    ['which nobody owns', { annotations: run.annotations }],
    ['which something else owns', { ...run, ownerReferences: [{ ...owner, apiVersion: 'v1', kind: 'Pod' }] }],
    [
      'of which the CronJob is not the controller',
      { ...run, ownerReferences: [{ ...owner, controller: false }] },
    ],
  ])('may not be created %s', async (_what, metadata) => {
    expect(await create(job(metadata))).toContain('hotreload may create Jobs only')
  })
  test.each(['kube-system', 'own'])('may not be created in or deleted from %s', async (where) => {
    const object = job(
      annotated({ 'hotreload.dev/checksum': '{}' }).metadata,
      where === 'own' ? system.name : where,
    )
    expect(await create(object)).toContain('no Job of kube-system')
    await kubectl(['apply', '-f', '-'], manifest(object))
    expect(await refusal(controller, ['delete', '-f', '-'], object)).toContain('no Job of kube-system')
    await kubectl(['delete', '-f', '-'], manifest(object))
  })
})

describe('in its own namespace', () => {
  const create = (kubeconfig: string, object: object) =>
    refusal(
      kubeconfig,
      ['create', '--dry-run=server', '--validate=false', '--namespace', system.name, '-f', '-'],
      object,
    )
  const secret = (name: string, type = 'Opaque', annotations = {}) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    type,
    metadata: { name, annotations },
  })
  const map = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } })

  test('the controller may create the install key and the certificates, and the webhook none of them', async () => {
    for (const name of ['hotreload-install-key', 'hotreload-ca', 'hotreload-serving']) {
      expect(await create(controller, secret(name))).toBe('')
      expect(await create(webhook, secret(name))).toContain('cannot create resource "secrets"')
    }
  })
  test('the controller may fill the install key, and not change it', async () => {
    const key = (text: string) => ({ data: { key: Buffer.from(text).toString('base64') } })
    const fill = (text: string) => patch('secret/hotreload-install-key', key(text), 'merge', system.name)
    // The prefix has renamed the Secret in the role, but not in the policy, which has the name that the program expects.
    const user = `${system.name}:${prefix}hotreload-controller-two`
    await system.kubectl(['create', 'role', 'fill', '--verb=get,patch', '--resource=secrets'])
    await system.kubectl(['create', 'rolebinding', 'fill', '--role=fill', `--serviceaccount=${user}`])
    await system.apply(secret('hotreload-install-key'))
    expect(await fill('one')).toBe('')
    await system.apply({ ...secret('hotreload-install-key'), ...key('one') })
    expect(await fill('two')).toContain('and not change it')
  })
  test('no other Secret, and no token of a ServiceAccount', async () => {
    const token = (name: string) =>
      secret(name, 'kubernetes.io/service-account-token', {
        'kubernetes.io/service-account.name': `${prefix}hotreload-controller-two`,
      })
    expect(await create(controller, secret('other'))).toContain('hotreload may write Secrets')
    expect(await create(controller, token('other'))).toContain('hotreload may write Secrets')
    expect(await create(controller, token('hotreload-ca'))).toContain('hotreload may write Secrets')
  })
  test('the controller may write ConfigMaps of its own state only, and the webhook none', async () => {
    expect(await create(controller, map('hotreload-baselines-0'))).toBe('')
    expect(await create(controller, map('hotreload-jobs'))).toBe('')
    expect(await create(controller, map('hotreload-set-aside'))).toBe('')
    expect(await create(controller, map('hotreload-policy'))).toContain('hotreload may write ConfigMaps')
    expect(await create(webhook, map('hotreload-jobs'))).toContain('forbidden')
    await system.apply(map('hotreload-policy'))
    const evil = { data: { 'policy.yaml': '' } }
    expect(await patch('configmap/hotreload-policy', evil, 'merge', system.name)).toContain(
      'hotreload may write ConfigMaps',
    )
  })
})

test('of Pods, annotations under hotreload.dev/ only', async () => {
  await ns.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'app', annotations: { theirs: '1' } },
    spec: { containers: [{ name: 'app', image: 'localhost/none:1' }] },
  })
  expect(await patch('pod/app', annotated({ 'hotreload.dev/nudge': 'now' }))).toBe('')
  expect(await patch('pod/app', annotated({ theirs: '2' }))).toContain('under hotreload.dev/ only')
  expect(await patch('pod/app', { metadata: { labels: { a: 'b' } } })).toContain('annotations of Pods only')
})

// The one within kubectl 1.30 knows less about policies.
test('the oldest kustomize renames bindings and policies as the newest does', {
  timeout: 600_000,
}, async () => {
  const directory = await overlay('p-', 'other')
  const program = await kustomizeProgram('v5.0.3', (line) => console.error(line))
  const [old, rendered] = [await run([program, 'build', directory]), await kubectl(['kustomize', directory])]
  await rm(directory, { recursive: true })
  expect(old).toBe(rendered)
  const objects = parseAllDocuments(rendered).map((document) => document.toJS())
  const names = (kind: string): string[] =>
    objects.filter((object) => object.kind === kind).map(({ metadata }) => metadata.name)
  const bindings = objects.filter(({ kind }) => kind === 'ValidatingAdmissionPolicyBinding')
  expect(bindings.map(({ spec }): string => spec.policyName).toSorted()).toEqual(
    names('ValidatingAdmissionPolicy').toSorted(),
  )
  const accounts = names('ServiceAccount')
  expect(accounts).toEqual(['p-hotreload-two', 'p-hotreload-controller-two'].toSorted())
  for (const { subjects = [] } of objects.filter(({ kind }) => kind === 'ClusterRoleBinding'))
    for (const subject of subjects) {
      expect(accounts).toContain(subject.name)
      expect(subject.namespace).toBe('other')
    }
})
