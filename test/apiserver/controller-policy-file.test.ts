// `serve` with a policy file in a mounted ConfigMap: an edit of it decides anew about every workload, without a restart or an apply.
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { V1ConfigMap, V1Deployment } from '@kubernetes/client-node'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { configMap, deployment } from '../support/controller.ts'
import { type Namespace, namespace, until } from '../support/kube.ts'
import { type Serve, startServe } from '../support/serve.ts'

const POLICY = 'policy.yaml'
/** An nginx reloads in place; with `rollout` it gets new Pods. Only the first is built in. */
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

/** A generation for each template there has been, the stamp's included. */
async function generations(): Promise<Record<string, number | undefined>> {
  const all = await ns.list<V1Deployment>('deployments')
  return Object.fromEntries(all.map(({ metadata }) => [metadata?.name, metadata?.generation]))
}

/** What its Pods have is known: from here on, a change rolls it out. */
const recorded = (name: string) =>
  until(`the baseline of ${name}`, async () => {
    const { metadata } = await ns.get<V1Deployment>('deployment', name)
    const shards = await own.list<V1ConfigMap>('configmaps', 'hotreload.dev/part=baselines')
    return shards.some(({ data = {} }) => Object.hasOwn(data, metadata?.uid ?? ''))
  })

/** `asks` says itself what `follows` leaves to the policy file: that it rolls out is when the other would have, too. */
async function edit(value: string, asks: number): Promise<Record<string, number | undefined>> {
  await ns.apply(configMap('conf', { 'default.conf': value }))
  await until(`asks rolls out for ${value}`, async () => (await generations())['asks'] === asks)
  return generations()
}

test('an edit of the policy file holds from the next change of a ConfigMap on; one with a mistake changes nothing', async () => {
  await ns.apply([
    configMap('conf', { 'default.conf': 'one' }),
    nginx('asks', { 'hotreload.dev/reload': 'rollout' }),
    nginx('follows'),
  ])
  await recorded('asks')
  expect(await edit('two', 2)).toEqual({ asks: 2, follows: 1 })

  await swap(byRollout)
  await recorded('follows')

  await swap('defaults: {reload: sometimes}\n')
  const notUsable = () => serve.said('policy file not usable; the last one stays')
  await until('it is said', () => notUsable().length === 1)
  await swap('defaults: {reload: auto\n')
  await until('it is said again', () => notUsable().length === 2)
  expect(notUsable()).toMatchObject([
    {
      level: 'error',
      error: expect.stringMatching(/: defaults\.reload: "sometimes" .*; use auto, .* \[HR_BAD_POLICY\]$/),
    },
    {
      level: 'error',
      error: expect.stringMatching(/: not YAML: .* at line \d+, column \d+; docs\/policy\.md .*\]$/),
    },
  ])
  // By now more than the quiet period has passed: no edit of the policy rolled anything out by itself.
  expect(await generations()).toEqual({ asks: 2, follows: 1 })

  await edit('three', 3)
  await until('follows rolls out', async () => (await generations())['follows'] === 2)
  const { spec } = await ns.get<V1Deployment>('deployment', 'follows')
  const stamp = JSON.parse(spec?.template.metadata?.annotations?.['hotreload.dev/checksum'] ?? '{}')
  expect(Object.keys(stamp)).toEqual(['ConfigMap/conf'])

  // And back: that rollout was the only one.
  await swap(inPlace)
  await until('the policy is read', () => serve.said('policy file changed').length === 2)
  expect(await edit('four', 4)).toEqual({ asks: 4, follows: 2 })
})
