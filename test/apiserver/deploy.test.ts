// What deploy/ and certs/ say to a real API server: whether it takes them, whom the entries call, and what the policy stops.
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { V1Container, V1Pod, V1PodSpec } from '@kubernetes/client-node'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { parse, parseAllDocuments, stringify } from 'yaml'
import { kustomizeProgram } from '../cluster/programs.ts'
import { run } from '../cluster/run.ts'
import { installCertManagerCrds } from '../support/cert-manager.ts'
import { type Namespace, namespace } from '../support/kube.ts'
import { kubectl, manifest, tryKubectl } from '../support/kubectl.ts'
import { until } from '../support/until.ts'
import { type Webhook, webhook } from '../support/webhook.ts'

const root = join(import.meta.dirname, '../..')
const inject = { 'hotreload.dev/inject': 'true' }
const container: V1Container = { name: 'web', image: 'nginx' }

/** A directory as kustomize renders it, in another namespace. */
async function rendered(directory: string, ns: Namespace): Promise<string> {
  return (await kubectl(['kustomize', join(root, directory)])).replaceAll('hotreload-system', ns.name)
}

const restricted = () => namespace({ 'pod-security.kubernetes.io/enforce': 'restricted' })

describe('the API server takes', () => {
  // Without the Prometheus operator's kinds, of which deploy/monitoring has none.
  test.each(['deploy', 'deploy/secrets', 'deploy/secrets/cluster', 'deploy/monitoring'])(
    '%s',
    async (directory) => {
      const ns = await restricted()
      const { code, stderr } = await tryKubectl(
        [
          'apply',
          '--server-side',
          '--force-conflicts',
          '--dry-run=server',
          '--namespace',
          ns.name,
          '-f',
          '-',
        ],
        await rendered(directory, ns),
      )
      expect(stderr).toBe('')
      expect(code).toBe(0)
    },
  )

  test('certs, whose Issuers and Certificates pass cert-manager’s own CRDs', async () => {
    const ns = await restricted()
    await installCertManagerCrds()
    const apply = ['apply', '--server-side', '--force-conflicts', '--dry-run=server', '-f', '-']
    const text = await rendered('certs', ns)
    const { code, stdout, stderr } = await until('the new kinds are served', async () => {
      const result = await tryKubectl(apply, text)
      return result.stderr.includes('no matches for kind') ? undefined : result
    })
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(stdout).toMatch(/certificate.cert-manager.io\/hotreload serverside-applied/)
  })

  test.each(['deploy', 'certs'])('the Pods of %s in a restricted namespace', async (directory) => {
    const ns = await restricted()
    const deployments = parseAllDocuments(await rendered(directory, ns))
      .map((document) => document.toJS())
      .filter(({ kind }) => kind === 'Deployment')
    expect(deployments).toHaveLength(2)
    for (const deployment of deployments) {
      const { priorityClassName: _, serviceAccountName: __, ...spec } = deployment.spec.template.spec
      const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'as-deployed' }, spec }
      await expect(ns.apply(pod, '--dry-run=server')).resolves.toContain('pod/as-deployed created')
      // The same without the container's rights, to see that the namespace does look.
      const lax = { ...pod, spec: { ...spec, containers: [{ ...spec.containers[0], securityContext: {} }] } }
      await expect(ns.apply(lax, '--dry-run=server')).rejects.toThrow('violates PodSecurity "restricted')
    }
  })
})

test('applied again, deploy is unchanged', async () => {
  const ns = await restricted()
  const kinds = new Set([
    'Deployment',
    'NetworkPolicy',
    'PodDisruptionBudget',
    'Role',
    'RoleBinding',
    'Service',
  ])
  const objects = parseAllDocuments(await rendered('deploy', ns))
    .map((document) => document.toJS())
    .filter(({ kind }) => kinds.has(kind) || kind === 'ValidatingAdmissionPolicy')
  const policies = objects.filter(({ kind }) => !kinds.has(kind))
  for (const { metadata } of policies) metadata.name = `${metadata.name}-${ns.name}`
  const text = manifest(objects)
  onTestFinished(async () => {
    await tryKubectl(['delete', '--ignore-not-found', '-f', '-'], manifest(policies))
  })
  await kubectl(['apply', '-f', '-'], text)
  const again = (await kubectl(['apply', '-f', '-'], text)).trim().split('\n')
  expect(again).toHaveLength(objects.length)
  // Of a PodDisruptionBudget kubectl says so whatever its manifest holds: its selector is replaced as a whole.
  expect(again.filter((line) => !line.endsWith(' unchanged'))).toEqual([
    'poddisruptionbudget.policy/hotreload configured',
    'poddisruptionbudget.policy/hotreload-controller configured',
  ])
})

describe('the entries call', () => {
  let hook: Webhook
  let enabled: Namespace
  let required: Namespace
  let unlabelled: Namespace
  beforeAll(async () => {
    hook = await webhook()
    enabled = await hook.namespace()
    required = await hook.namespace({ 'hotreload.dev/injection': 'required' })
    unlabelled = await hook.namespace({})
  })

  /** Which webhooks the API server called when `objects` were created, without storing them. */
  async function asked(ns: Namespace, object: object): Promise<string[]> {
    const before = hook.answered.length
    await ns.kubectl(['create', '--dry-run=server', '-f', '-'], manifest(object))
    return hook.answered.slice(before).map(({ webhook }) => webhook)
  }

  const pod = (annotations: Record<string, string> | undefined, spec: Partial<V1PodSpec> = {}) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', ...(annotations ? { annotations } : {}) },
    spec: { containers: [container], ...spec },
  })

  test.each<[string, object, string[]]>([
    ['a Pod that asks', pod(inject), ['pods']],
    ['a Pod that asks for something else', pod({ 'hotreload.dev/inject': 'yes' }), ['pods']],
    ['a Pod that refuses', pod({ 'hotreload.dev/inject': 'false' }), []],
    ['a Pod without annotations', pod(undefined), []],
    ['a Pod with others', pod({ a: 'b' }), []],
    ['a Pod with hostPID', pod(inject, { hostPID: true }), []],
    ['a Pod with hostPID false', pod(inject, { hostPID: false }), ['pods']],
    ['a Windows Pod', pod(inject, { os: { name: 'windows' } }), []],
    ['a Linux Pod', pod(inject, { os: { name: 'linux' } }), ['pods']],
    ['a Pod for Windows nodes', pod(inject, { nodeSelector: { 'kubernetes.io/os': 'windows' } }), []],
    ['a Pod for other nodes', pod(inject, { nodeSelector: { disk: 'ssd' } }), ['pods']],
  ])('%s', async (_what, object, webhooks) => {
    expect(await asked(enabled, object)).toEqual(webhooks)
    expect(await asked(required, object)).toEqual(webhooks)
    expect(await asked(unlabelled, object)).toEqual([])
  })

  type Annotations = Record<string, string>
  const template = (annotations?: Annotations, restartPolicy?: string) => ({
    metadata: { labels: { app: 'web' }, ...(annotations ? { annotations } : {}) },
    spec: { containers: [container], ...(restartPolicy ? { restartPolicy } : {}) },
  })
  const deployment = (own?: Annotations, inTemplate?: Annotations, metadata: object = {}) => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', ...(own ? { annotations: own } : {}), ...metadata },
    spec: { replicas: 0, selector: { matchLabels: { app: 'web' } }, template: template(inTemplate) },
  })
  const cronJob = (inTemplate?: Annotations) => ({
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name: 'web' },
    spec: { schedule: '0 0 1 1 *', jobTemplate: { spec: { template: template(inTemplate, 'Never') } } },
  })
  const job = (own?: Annotations) => ({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'web', ...(own ? { annotations: own } : {}) },
    spec: { suspend: true, template: template(undefined, 'Never') },
  })
  const owner = { apiVersion: 'example.com/v1', kind: 'App', name: 'app', uid: crypto.randomUUID() }

  test.each<[string, object, string[], string[]]>([
    ['a Deployment of no concern', deployment(), [], []],
    ['a Deployment with others’ annotations', deployment({ a: 'b' }, { c: 'd' }), [], []],
    ['an annotated Deployment', deployment(inject), ['workloads'], ['unlabelled']],
    ['an annotated template', deployment(undefined, inject), ['workloads'], ['unlabelled']],
    ['any key of ours', deployment({ 'hotreload.dev/singal': 'HUP' }), ['workloads'], []],
    [
      'a Deployment that a controller owns',
      deployment(inject, undefined, { ownerReferences: [{ ...owner, controller: true }] }),
      [],
      [],
    ],
    [
      'one that is owned otherwise',
      deployment(inject, undefined, { ownerReferences: [owner] }),
      ['workloads'],
      ['unlabelled'],
    ],
    ['a CronJob of no concern', cronJob(), [], []],
    ['an annotated template of a CronJob', cronJob(inject), ['workloads'], ['unlabelled']],
    ['an annotated Job', job(inject), ['workloads'], ['unlabelled']],
  ])('%s', async (_what, object, labelled, without) => {
    expect(await asked(enabled, object)).toEqual(labelled)
    expect(await asked(required, object)).toEqual(labelled)
    expect(await asked(unlabelled, object)).toEqual(without)
  })

  test('a workload that takes its last annotation back', async () => {
    await enabled.kubectl(['create', '-f', '-'], manifest(deployment(inject)))
    const before = hook.answered.length
    await enabled.kubectl(['replace', '-f', '-'], manifest(deployment()))
    expect(hook.answered.slice(before).map(({ webhook }) => webhook)).toContain('workloads')
    const { spec } = await enabled.get<{ spec: { template: V1Pod } }>('deployment', 'web')
    expect(spec.template.metadata?.annotations ?? {}).toEqual({})
  })
})

describe('the agent’s restartPolicy', () => {
  const agent = (restartPolicy?: string): V1Container => ({
    name: 'hotreload-agent',
    image: 'agent',
    ...(restartPolicy ? { restartPolicy } : {}),
  })
  const pod = (annotations: Record<string, string>, ...initContainers: V1Container[]) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', annotations },
    spec: { initContainers, containers: [container] },
  })
  const injected = { 'hotreload.dev/status': '{}' }

  let ns: Namespace
  beforeAll(async () => {
    ns = await namespace()
    const name = `test-${crypto.randomUUID().slice(0, 8)}`
    const [policy, binding] = parseAllDocuments(await kubectl(['kustomize', join(root, 'deploy')])).flatMap(
      (document) => {
        const object = document.toJS()
        const isPolicy = object.kind.startsWith('ValidatingAdmissionPolicy')
        return isPolicy && object.metadata.name === 'hotreload-agent-restart-policy' ? [object] : []
      },
    )
    policy.metadata.name = name
    binding.metadata.name = name
    binding.spec.policyName = name
    binding.spec.matchResources = {
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': ns.name } },
    }
    await ns.apply([policy, binding])
    await until('the policy is in force', async () => {
      const { code } = await tryKubectl(
        ['create', '--namespace', ns.name, '--dry-run=server', '-f', '-'],
        manifest(pod(injected, agent())),
      )
      return code !== 0
    })
    return async () => {
      await tryKubectl(['delete', 'validatingadmissionpolicy,validatingadmissionpolicybinding', name])
    }
  })

  test('removed by another webhook: the Pod is refused, and the message says by what and what to do', async () => {
    const create = ns.apply(pod(injected, agent()), '--dry-run=server')
    await expect(create).rejects.toThrow(
      /another admission webhook removed restartPolicy .* never start.*hotreload.dev\/inject/s,
    )
  })

  test.each([
    ['an agent as we made it', pod(injected, agent('Always'))],
    ['another init container', pod(injected, { ...agent(), name: 'migrate' }, agent('Always'))],
    ['a container of that name in a Pod that is not injected', pod({}, agent())],
  ])('%s is none of its business', async (_what, object) => {
    await expect(ns.apply(object, '--dry-run=server')).resolves.toContain('created')
  })

  test('of a second agent, by its longer name', async () => {
    const second = { ...agent(), name: 'hotreload-agent-web' }
    await expect(ns.apply(pod(injected, agent('Always'), second), '--dry-run=server')).rejects.toThrow(
      'never start',
    )
  })
})

test('a digest in `images` reaches the agent’s image as well', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'hotreload-deploy-'))
  await cp(join(root, 'deploy/base'), directory, { recursive: true })
  const file = join(directory, 'kustomization.yaml')
  const kustomization = parse(await readFile(file, 'utf8'))
  const digest = `sha256:${'0'.repeat(64)}`
  const images = kustomization.images.map(({ name }: { name: string }) => ({ name, digest }))
  await writeFile(file, stringify({ ...kustomization, images }))
  const text = await kubectl(['kustomize', directory])
  expect(text).toContain(`image: ghcr.io/hotreload/hotreload@${digest}`)
  expect(text).toContain(`value: ghcr.io/hotreload/hotreload-agent@${digest}`)
  await rm(directory, { recursive: true })
})

// Those within the oldest supported kubectl, and within 1.31, of the three that panic on a patch file which deletes several objects.
describe.each(['v5.0.3', 'v5.4.3'])('kustomize %s', (version) => {
  const directories = [
    'certs',
    'deploy',
    'deploy/evict',
    'deploy/monitoring',
    'deploy/monitoring/operator',
    'deploy/secrets',
    'deploy/secrets/cluster',
  ]
  test.each(directories)('renders %s as the newest does', { timeout: 600_000 }, async (directory) => {
    const path = join(root, directory)
    const say = (line: string): void => console.error(line)
    expect(await run([await kustomizeProgram(version, say), 'build', path])).toBe(
      await kubectl(['kustomize', path]),
    )
  })
})
