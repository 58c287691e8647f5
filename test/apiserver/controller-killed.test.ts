// Two replicas of `serve`: SIGKILL ends the leader, its Lease expires, and the other continues from the objects alone.
import type { V1ConfigMap, V1Deployment } from '@kubernetes/client-node'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { configMap, deployment } from '../support/controller.ts'
import { type Namespace, namespace, until } from '../support/kube.ts'
import { type Serve, startServe } from '../support/serve.ts'

const WORKLOADS = 30

let own: Namespace
let ns: Namespace
let replicas: Serve[]
beforeEach(async () => {
  own = await namespace()
  ns = await namespace({ 'hotreload.dev/injection': 'enabled' })
  // One rollout after the other, so that the leader can be killed between two.
  const start = () => startServe(own, ['--only=controller', '--max-replaced-pods=1'])
  replicas = await Promise.all([start(), start()])
})
afterEach(() => Promise.all(replicas.map((one) => one.stop())))

/** How many Deployments have each generation. */
async function generations(): Promise<Record<number, number>> {
  const all = await ns.list<V1Deployment>('deployments')
  const counts: Record<number, number> = {}
  for (const { metadata } of all) {
    const generation = metadata?.generation ?? 0
    counts[generation] = (counts[generation] ?? 0) + 1
  }
  return counts
}

test('after a leader is killed between its rollouts, the next leader completes one for each workload', async () => {
  const workloads = Array.from({ length: WORKLOADS }, (_, index) => deployment(`web-${index}`))
  await ns.apply([configMap('conf', { a: '1' }), ...workloads])
  const leads = (one: Serve) => one.logged('leading').length > 0
  const leader = await until('one replica leads', () => replicas.find(leads))
  const other = replicas.find((one) => one !== leader)
  await until('all baselines are stored', async () => {
    const shards = await own.list<V1ConfigMap>('configmaps', 'hotreload.dev/part=baselines')
    return shards.flatMap(({ data = {} }) => Object.keys(data)).length === WORKLOADS
  })

  await ns.apply(configMap('conf', { a: '2' }))
  await until('the first has rolled out', () => leader.logged('rolled out').length > 0, undefined, 20)
  leader.child.kill('SIGKILL')
  expect((await generations())[1], 'workloads left for the next leader').toBeGreaterThan(0)

  await until('the other replica leads', () => other && leads(other))
  await until('all have rolled out', async () => (await generations())[1] === undefined)
  // A second rollout would begin within this time.
  await new Promise((resolve) => setTimeout(resolve, 3_000))
  expect(await generations()).toEqual({ 2: WORKLOADS })
})
