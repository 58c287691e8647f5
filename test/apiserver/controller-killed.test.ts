// Two replicas of `serve`, and the leader killed by SIGKILL: its Lease runs out, and nobody says what it was about to do.
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
  // One after the other, so that there is a middle.
  const start = () => startServe(own, ['--only=controller', '--max-rollouts=1'])
  replicas = await Promise.all([start(), start()])
})
afterEach(() => Promise.all(replicas.map((one) => one.stop())))

/** How many Deployments had how many templates. */
async function templates(): Promise<Record<number, number>> {
  const all = await ns.list<V1Deployment>('deployments')
  const counts: Record<number, number> = {}
  for (const { metadata } of all) {
    const generation = metadata?.generation ?? 0
    counts[generation] = (counts[generation] ?? 0) + 1
  }
  return counts
}

test('a leader killed in the middle of its rollouts: one for each workload, by who comes after', async () => {
  const workloads = Array.from({ length: WORKLOADS }, (_, index) => deployment(`web-${index}`))
  await ns.apply([configMap('conf', { a: '1' }), ...workloads])
  const leads = (one: Serve) => one.said('leading').length > 0
  const leader = await until('one leads', () => replicas.find(leads))
  const other = replicas.find((one) => one !== leader)
  await until('what they have is recorded', async () => {
    const shards = await own.list<V1ConfigMap>('configmaps', 'hotreload.dev/part=baselines')
    return shards.flatMap(({ data = {} }) => Object.keys(data)).length === WORKLOADS
  })

  await ns.apply(configMap('conf', { a: '2' }))
  await until('the first is rolled out', () => leader.said('rolled out').length > 0, undefined, 20)
  leader.child.kill('SIGKILL')
  expect((await templates())[1], 'those left for the next leader').toBeGreaterThan(0)

  await until('the other leads', () => other && leads(other))
  await until('all are rolled out', async () => (await templates())[1] === undefined)
  // As long as a second rollout would take to begin.
  await new Promise((resolve) => setTimeout(resolve, 3_000))
  expect(await templates()).toEqual({ 2: WORKLOADS })
})
