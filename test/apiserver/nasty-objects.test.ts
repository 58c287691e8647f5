// Objects that are made to stop hotreload, stored where nobody asked for it: those of the others are rolled out, and the probes answer.
import type { V1ConfigMap, V1Deployment } from '@kubernetes/client-node'
import { afterEach, expect, test } from 'vitest'
import { configMap, deployment } from '../support/controller.ts'
import { type Namespace, namespace, until } from '../support/kube.ts'
import { nastyWorkloads } from '../support/nasty-workloads.ts'
import { type Serve, startServe } from '../support/serve.ts'

const WORKLOADS = 10
/** Milliseconds: the kubelet's probes wait as long. */
const PROBE = 5_000

const replicas: Serve[] = []
afterEach(() => Promise.all(replicas.splice(0).map((one) => one.stop())))

interface Probed extends Serve {
  /** The longest time between two answers of /healthz so far, in milliseconds. */
  longestSilence: () => number
}

async function startProbed(own: Namespace): Promise<Probed> {
  const serve = await startServe(own, ['--only=controller'])
  const port = await until('it listens', () => /"metricsPort":(\d+)/.exec(serve.log())?.[1])
  let answeredAt = Date.now()
  let longest = 0
  const timer = setInterval(() => {
    longest = Math.max(longest, Date.now() - answeredAt)
    void fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(PROBE) }).then(
      ({ ok }) => {
        if (ok) answeredAt = Date.now()
      },
      () => {},
    )
  }, 200)
  const probed = {
    ...serve,
    longestSilence: () => longest,
    async stop() {
      clearInterval(timer)
      await serve.stop()
    },
  }
  replicas.push(probed)
  return probed
}

/** Edits the ConfigMap of all ordinary workloads, and waits until each has a rollout of the controller's. */
async function expectRollouts(ns: Namespace, value: string, generation: number): Promise<void> {
  await ns.apply(configMap('conf', { a: value }))
  await until('all ordinary workloads have rolled out', async () => {
    const all = await ns.list<V1Deployment>('deployments')
    return all.every(({ metadata }) => metadata?.generation === generation)
  })
}

test('with nasty objects stored the ordinary ones are rolled out, and the probes answer, after a restart too', async () => {
  const [own, nasty, ns] = await Promise.all([
    namespace(),
    namespace(),
    namespace({ 'hotreload.dev/injection': 'enabled' }),
  ])
  const ordinary = Array.from({ length: WORKLOADS }, (_, index) => deployment(`web-${index}`))
  await ns.apply([configMap('conf', { a: '1' }), ...ordinary])
  // They are there before the first process starts, and more of them come while it runs.
  const objects = nastyWorkloads()
  await nasty.apply(objects.slice(0, 5), '--server-side')

  const first = await startProbed(own)
  await until('it leads', () => first.logged('leading').length > 0)
  await nasty.apply(objects.slice(5), '--server-side')
  await until('all baselines are stored', async () => {
    const shards = await own.list<V1ConfigMap>('configmaps', 'hotreload.dev/part=baselines')
    const known = new Set(shards.flatMap(({ data = {} }) => Object.keys(data)))
    const all = await ns.list<V1Deployment>('deployments')
    return all.every(({ metadata }) => known.has(metadata?.uid ?? ''))
  })
  await expectRollouts(ns, '2', 2)
  await first.stop()
  replicas.length = 0
  expect(first.longestSilence()).toBeLessThan(PROBE)

  const second = await startProbed(own)
  await until('it leads', () => second.logged('leading').length > 0)
  await expectRollouts(ns, '3', 3)
  expect(second.longestSilence()).toBeLessThan(PROBE)
}, 300_000)
