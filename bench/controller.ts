// Measures the controller's memory and speed in one run against a real API server: node bench/controller.ts [--quick]
// RSS with 0 to 50,000 ConfigMaps of 2 KB and 500 workloads, and RSS of a bare Node.js process; time from a change to the patched template;
// changes of 100 Deployments at once; requests per change.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { watchCollection } from '../src/kube/informer.ts'
import { pause } from '../test/cluster/run.ts'
import { create, each, megabytes, prepareBench, queryState } from './support/controller-process.ts'

const SIZES = process.argv.includes('--quick') ? [0, 2_000] : [0, 2_000, 10_000, 50_000]
const WORKLOADS = 500
const NAMESPACE = 'bench'
const QUIET = 1_000
const CONFIG_MAPS = `/api/v1/namespaces/${NAMESPACE}/configmaps`
const DEPLOYMENTS = `/apis/apps/v1/namespaces/${NAMESPACE}/deployments`

const { kubectl, admin, node, start, stop } = await prepareBench(NAMESPACE)

try {
  await measureBareNode()
  await each(WORKLOADS, (index) => create(admin, DEPLOYMENTS, deployment(index)))
  await each(WORKLOADS, (index) => create(admin, CONFIG_MAPS, configMap(`used-${index}`, '0')))
  await settled()
  let created = 0
  for (const size of SIZES) {
    await each(size - created, (index) =>
      create(admin, CONFIG_MAPS, configMap(`other-${created + index}`, 'x'.repeat(2_000))),
    )
    created = Math.max(created, size)
    const child = await start()
    await pause(5_000)
    console.log(`${size} ConfigMaps of 2 KB, ${WORKLOADS} workloads: RSS ${megabytes(child)}`)
    if (size === SIZES.at(-1)) await measureChanges(child)
    child.kill('SIGKILL')
    await once(child, 'exit')
    await kubectl(['delete', 'lease', '--all', '--namespace', 'hotreload-system'])
  }
} finally {
  await stop()
}

async function measureBareNode(): Promise<void> {
  const bare = spawn(node, ['--eval', 'setInterval(() => {}, 1e6)'])
  await pause(1_000)
  console.log(`bare node: RSS ${megabytes(bare)}`)
  bare.kill()
}

/**
 * Waits until the Deployment controller has processed each Deployment, because our controller waits for a first rollout in progress.
 */
async function settled(): Promise<void> {
  const output = '--output=jsonpath={range .items[*]}{.status.observedGeneration} {end}'
  for (;;) {
    const seen = await kubectl(['get', 'deployments', '--namespace', NAMESPACE, output])
    if (seen.split(' ').filter((one) => one !== '').length >= WORKLOADS) return
    await pause(1_000)
  }
}

async function measureChanges(child: ChildProcess): Promise<void> {
  const patched = new Map<string, number>()
  const watching = watchCollection(
    admin,
    { path: `/apis/apps/v1/namespaces/${NAMESPACE}/deployments`, metadataOnly: true },
    {
      changed: ({ metadata }) => patched.set(`${metadata?.name}@${metadata?.generation}`, performance.now()),
      removed() {},
      listed() {},
      refused() {},
    },
  )
  await pause(2_000)
  const before = await queryState(child)
  const latencies: number[] = []
  for (let round = 0; round < 20; round++) {
    const at = await edit(`used-${round}`, '1')
    latencies.push((await seen(patched, `web-${round}@2`)) - at - QUIET)
  }
  const after = await queryState(child)
  latencies.sort((a, b) => a - b)
  console.log(
    `change to patched template: quiet period + ${latencies[10]?.toFixed(0)} ms (median of 20), most ${latencies.at(-1)?.toFixed(0)} ms`,
  )
  console.log(`requests per change: ${((after.calls - before.calls) / 20).toFixed(1)}`)
  const start = performance.now()
  await Promise.all(Array.from({ length: 100 }, (_, index) => edit(`used-${100 + index}`, '1')))
  const ends = await Promise.all(
    Array.from({ length: 100 }, (_, index) => seen(patched, `web-${100 + index}@2`)),
  )
  console.log(
    `100 Deployments changed at once: last patched after ${((Math.max(...ends) - start) / 1_000).toFixed(2)} s, quiet period included`,
  )
  console.log(`RSS after that: ${megabytes(child)}`)
  watching.stop()
}

async function edit(name: string, a: string): Promise<number> {
  const path = `/api/v1/namespaces/${NAMESPACE}/configmaps/${name}`
  await admin.call({
    method: 'PATCH',
    path,
    body: { data: { a } },
    contentType: 'application/merge-patch+json',
  })
  return performance.now()
}

async function seen(patched: ReadonlyMap<string, number>, key: string): Promise<number> {
  for (;;) {
    const at = patched.get(key)
    if (at !== undefined) return at
    await pause(5)
  }
}

function configMap(name: string, a: string) {
  return { kind: 'ConfigMap', metadata: { name }, data: { a } }
}

function deployment(index: number) {
  const labels = { app: `web-${index}` }
  const envFrom = [{ configMapRef: { name: `used-${index}` } }]
  return {
    kind: 'Deployment',
    // With the annotation on the template too, as the webhook mirrors it.
    metadata: { name: `web-${index}`, annotations: { 'hotreload.dev/inject': 'true' } },
    spec: {
      replicas: 0,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { containers: [{ name: 'app', image: 'localhost/none:1', envFrom }] },
      },
    },
  }
}
