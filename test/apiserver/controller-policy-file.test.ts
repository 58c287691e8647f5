// `serve` with a policy file in a mounted ConfigMap: an edit changes the policy of every workload without a restart or an apply.
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CoreV1Event, V1ConfigMap, V1Deployment } from '@kubernetes/client-node'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { configMap, deployment } from '../support/controller.ts'
import { type Namespace, namespace, until } from '../support/kube.ts'
import { type Serve, startServe } from '../support/serve.ts'

const POLICY = 'policy.yaml'
/** An nginx reloads in place by the built-in defaults; with `rollout` it gets new Pods. */
const inPlace = 'defaults: {reload: auto}\n'
const byRollout = 'defaults: {reload: rollout}\n'

let directory: string
let own: Namespace
let ns: Namespace
let serve: Serve
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hotreload-policy-'))
  await symlink(`..data/${POLICY}`, join(directory, POLICY))
  await swap(inPlace)
  own = await namespace()
  ns = await namespace({ 'hotreload.dev/injection': 'enabled' })
  serve = await startServe(own, ['--only=controller', `--policy=${join(directory, POLICY)}`])
})
afterAll(async () => {
  await serve.stop()
  await rm(directory, { recursive: true })
})

/** As the kubelet does: a directory for each content, and one rename of `..data`, which points to it. */
async function swap(text: string): Promise<void> {
  const content = `..${crypto.randomUUID()}`
  await mkdir(join(directory, content))
  await writeFile(join(directory, content, POLICY), text)
  await symlink(content, join(directory, '..data_tmp'))
  await rename(join(directory, '..data_tmp'), join(directory, '..data'))
}

function nginx(name: string, metadata: Record<string, string> = {}) {
  const made = deployment(name, { metadata: { 'hotreload.dev/inject': 'true', ...metadata }, env: [] })
  Object.assign(made.spec.template.spec, { volumes: [{ name: 'conf', configMap: { name: 'conf' } }] })
  Object.assign(made.spec.template.spec.containers[0] ?? {}, {
    image: 'localhost/nginx:1',
    volumeMounts: [{ name: 'conf', mountPath: '/etc/nginx/conf.d' }],
  })
  return made
}

/** The generation of each Deployment: it grows with each template, also with a new checksum. */
async function generations(): Promise<Record<string, number | undefined>> {
  const all = await ns.list<V1Deployment>('deployments')
  return Object.fromEntries(all.map(({ metadata }) => [metadata?.name, metadata?.generation]))
}

/** Waits for the baseline: from then on a change rolls the workload out. */
const recorded = (name: string) =>
  until(`the baseline of ${name}`, async () => {
    const { metadata } = await ns.get<V1Deployment>('deployment', name)
    const shards = await own.list<V1ConfigMap>('configmaps', 'hotreload.dev/part=baselines')
    return shards.some(({ data = {} }) => Object.hasOwn(data, metadata?.uid ?? ''))
  })

/**
 * Edits the ConfigMap and waits for the rollout of `annotated`, whose annotation asks for one. `follows` leaves the choice to the
 * policy file, and would roll out at the same time.
 */
async function edit(value: string, generation: number): Promise<Record<string, number | undefined>> {
  await ns.apply(configMap('conf', { 'default.conf': value }))
  await until(
    `annotated rolls out for ${value}`,
    async () => (await generations())['annotated'] === generation,
  )
  return generations()
}

/** The metric, as Prometheus reads it. */
async function policyValid(): Promise<number> {
  const { metricsPort } = JSON.parse(/^.*"msg":"serving".*$/m.exec(serve.log())?.[0] ?? '{}')
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
  return Number(/^hotreload_policy_valid (\d)$/m.exec(text)?.[1])
}

test('an edit of the policy file takes effect at the next change of a ConfigMap, and an edit with a mistake changes nothing', async () => {
  await ns.apply([
    configMap('conf', { 'default.conf': 'one' }),
    nginx('annotated', { 'hotreload.dev/reload': 'rollout' }),
    nginx('follows'),
  ])
  await own.apply(deployment('hotreload-controller', { metadata: {}, env: [] }))
  const uid = (await own.get<V1Deployment>('deployment', 'hotreload-controller')).metadata?.uid
  await recorded('annotated')
  expect(await edit('two', 2)).toEqual({ annotated: 2, follows: 1 })

  await swap(byRollout)
  await recorded('follows')

  await swap('defaults: {reload: sometimes}\n')
  const notUsable = () => serve.logged('policy file not usable; the last one stays')
  await until('the log names the mistake', () => notUsable().length === 1)
  expect(await policyValid()).toBe(0)
  const { message } = await until('an Event names it', async () => {
    const all = await own.list<CoreV1Event>('events')
    return all.find(({ reason, involvedObject }) => reason === 'PolicyInvalid' && involvedObject.uid === uid)
  })
  expect(message).toMatch(
    /: defaults\.reload: "sometimes" .*HR_BAD_POLICY\]\. The last good policy stays in use$/,
  )
  await swap('defaults: {reload: auto\n')
  await until('the log names the second mistake', () => notUsable().length === 2)
  expect(notUsable()).toMatchObject([
    {
      level: 'error',
      error: expect.stringMatching(/: defaults\.reload: "sometimes" .*; use auto, .* \[HR_BAD_POLICY\]$/),
    },
    {
      level: 'error',
      error: expect.stringMatching(/: not YAML: .* at line \d+, column \d+; \S+\/policy\.md .*\]$/),
    },
  ])
  // More than the quiet period has passed: an edit of the policy file alone rolls nothing out.
  expect(await generations()).toEqual({ annotated: 2, follows: 1 })

  await edit('three', 3)
  await until('follows rolls out', async () => (await generations())['follows'] === 2)
  const { spec } = await ns.get<V1Deployment>('deployment', 'follows')
  const checksums = JSON.parse(spec?.template.metadata?.annotations?.['hotreload.dev/checksum'] ?? '{}')
  expect(Object.keys(checksums)).toEqual(['ConfigMap/conf'])

  // Back to the first policy: `follows` has had no other rollout.
  await swap(inPlace)
  await until('the policy is read', () => serve.logged('policy file changed').length === 2)
  expect(await policyValid()).toBe(1)
  expect(await edit('four', 4)).toEqual({ annotated: 4, follows: 2 })
})
