// Measures one edit of a ConfigMap that many Deployments use as environment, against a real API server: node bench/rollouts.ts [--quick]
// For each limit: time until the last template has changed, until the last new Pod is ready, and the most Pods that started at one time. There
// is no node: this program makes each Pod ready some time after it was created, as a kubelet would.

import { buildController } from '../src/cli/serve/build-controller.ts'
import { readControllerFlags } from '../src/cli/serve/controller-flags.ts'
import { parseInstallKey } from '../src/cli/serve/install-key.ts'
import { createClient } from '../src/kube/client.ts'
import { kubeconfigConnection } from '../src/kube/connection.ts'
import { watchCollection } from '../src/kube/informer.ts'
import { builtInDefaults } from '../src/policy/defaults.ts'
import { createLog } from '../src/telemetry/log.ts'
import { createMetrics } from '../src/telemetry/metrics.ts'
import { acquire } from '../test/cluster/cluster.ts'

const isQuick = process.argv.includes('--quick')
const DEPLOYMENTS = 50
/** Milliseconds until a Pod is ready. */
const START_TIMES = isQuick ? [300] : [300, 5_000]
const LIMITS = [
  { name: 'default limits', flags: {} },
  { name: '5 Pods in a namespace', flags: { maxReplacedPodsPerNamespace: '5' } },
  { name: 'no limit', flags: { maxReplacedPods: '0', maxReplacedPodsPerNamespace: '0' } },
]

const { cluster, stop } = await acquire({ node: false, say: (line) => console.error(line) })
const client = createClient(await kubeconfigConnection(cluster.kubeconfig, 'default'))
const generations = new Map<string, number>()
const pods = new Map<string, 'starting' | 'ready'>()
let startTime = 0
let mostStarting = 0
const starting = () => [...pods.values()].filter((one) => one === 'starting').length
const watches = [watchDeployments(), watchPods()]

try {
  for (const namespace of ['bench', 'hotreload-system'])
    await create('/api/v1/namespaces', {
      metadata: { name: namespace, labels: { 'hotreload.dev/injection': 'enabled' } },
    })
  await create('/api/v1/namespaces/bench/configmaps', { metadata: { name: 'conf' }, data: { a: '0' } })
  startTime = 300
  await Promise.all(
    Array.from({ length: DEPLOYMENTS }, (_, index) =>
      create('/apis/apps/v1/namespaces/bench/deployments', deployment(`web-${index}`)),
    ),
  )
  await until(() => isComplete())
  for (const milliseconds of START_TIMES)
    for (const { name, flags } of LIMITS) {
      startTime = milliseconds
      console.log(`${name}, Pods that start in ${milliseconds / 1_000} s: ${await measure(flags)}`)
    }
} finally {
  for (const watch of watches) watch.stop()
  await stop()
}

async function measure(flags: Parameters<typeof readControllerFlags>[0]): Promise<string> {
  const controller = buildController(
    { log: createLog('warn'), metrics: createMetrics(), defaults: () => builtInDefaults },
    {
      client: createClient(await kubeconfigConnection(cluster.kubeconfig, 'hotreload-system')),
      installKey: () => parseInstallKey('ab'.repeat(32)),
      authority: undefined,
    },
    readControllerFlags(flags),
  )
  await controller.start()
  // Until it leads and has recorded all baselines.
  await pause(8_000)
  const before = new Map(generations)
  mostStarting = 0
  const body = { data: { a: String(Date.now()) } }
  const from = performance.now()
  await client.call({
    method: 'PATCH',
    path: '/api/v1/namespaces/bench/configmaps/conf',
    body,
    contentType: 'application/merge-patch+json',
  })
  await until(() => [...before].every(([name, last]) => (generations.get(name) ?? 0) > last))
  const reached = seconds(from)
  await until(isComplete)
  const complete = seconds(from)
  await controller.close()
  return `last template changed after ${reached} s, last Pod ready after ${complete} s, most Pods starting at once ${mostStarting}`
}

async function isComplete(): Promise<boolean> {
  const { body } = await client.call({ method: 'GET', path: '/apis/apps/v1/namespaces/bench/deployments' })
  const items: { metadata: { generation: number }; status: Record<string, number> }[] = Object(body).items
  return (
    items.length === DEPLOYMENTS &&
    items.every(
      ({ metadata, status }) =>
        status['observedGeneration'] === metadata.generation &&
        status['updatedReplicas'] === 1 &&
        status['availableReplicas'] === 1 &&
        status['replicas'] === 1,
    )
  )
}

function watchDeployments() {
  return watchCollection(
    client,
    { path: '/apis/apps/v1/namespaces/bench/deployments', metadataOnly: true },
    {
      changed: ({ metadata }) => generations.set(metadata?.name ?? '', metadata?.generation ?? 0),
      removed() {},
      listed() {},
      refused() {},
    },
  )
}

function watchPods() {
  return watchCollection(
    client,
    { path: '/api/v1/namespaces/bench/pods', metadataOnly: true },
    {
      changed({ metadata }) {
        const name = metadata?.name ?? ''
        if (pods.has(name)) return
        pods.set(name, 'starting')
        mostStarting = Math.max(mostStarting, starting())
        setTimeout(() => void makeReady(name), startTime)
      },
      removed: (_namespace, name) => pods.delete(name),
      listed() {},
      refused() {},
    },
  )
}

async function makeReady(name: string): Promise<void> {
  await client.call({
    method: 'PATCH',
    path: `/api/v1/namespaces/bench/pods/${name}/status`,
    body: { status: { conditions: [{ type: 'Ready', status: 'True' }] } },
    contentType: 'application/strategic-merge-patch+json',
  })
  if (pods.has(name)) pods.set(name, 'ready')
}

function deployment(name: string) {
  return {
    metadata: { name, annotations: { 'hotreload.dev/inject': 'true' } },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          containers: [
            { name: 'app', image: 'localhost/none:1', envFrom: [{ configMapRef: { name: 'conf' } }] },
          ],
        },
      },
    },
  }
}

async function create(path: string, body: object): Promise<void> {
  const { status } = await client.call({ method: 'POST', path, body })
  if (status !== 201 && status !== 409) throw new Error(`${path}: ${status}`)
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

async function until(isReached: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isReached())) await pause(50)
}

function seconds(from: number): string {
  return ((performance.now() - from) / 1_000).toFixed(1)
}
