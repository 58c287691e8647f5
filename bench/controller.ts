// Measures the controller's memory and speed in one run against a real API server: node bench/controller.ts [--quick]
// RSS with 0 to 50,000 ConfigMaps of 2 KB and 500 workloads, and RSS of a bare Node.js process; time from a change to the patched template;
// changes of 100 Deployments at once; requests per change.
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rolldown } from 'rolldown'
import { httpByRequire } from '../rolldown.config.ts'
import { createClient } from '../src/kube/client.ts'
import { kubeconfigConnection } from '../src/kube/connection.ts'
import { watchCollection } from '../src/kube/informer.ts'
import { acquire } from '../test/cluster/cluster.ts'
import { attempt } from '../test/cluster/run.ts'
import { SHIPPED } from './support/shipped.ts'

const SIZES = process.argv.includes('--quick') ? [0, 2_000] : [0, 2_000, 10_000, 50_000]
const WORKLOADS = 500
const NAMESPACE = 'bench'
const QUIET = 1_000

const { cluster, stop } = await acquire({ node: false, say: (line) => console.error(line) })
const kubectl = async (argv: string[], input?: string) => {
  const env = { ...process.env, KUBECONFIG: cluster.kubeconfig }
  const result = await attempt([cluster.kubectl, ...argv], input === undefined ? { env } : { env, input })
  if (result.code !== 0) throw new Error(result.stderr)
  return result.stdout
}
const admin = createClient(await kubeconfigConnection(cluster.kubeconfig, NAMESPACE))
const directory = mkdtempSync(join(tmpdir(), 'hotreload-bench-'))
const program = await bundle()
/** A copy, because the kernel maps a file that was read in large blocks in large blocks, which all count as resident (docs/benchmarks.md). */
const node = join(directory, 'node')
copyFileSync(process.execPath, node)

try {
  const { hostname, port } = await preparePodEnvironment()
  await measureBareNode()
  await each(WORKLOADS, (index) => create('apps/v1', 'deployments', deployment(index)))
  await each(WORKLOADS, (index) => create('v1', 'configmaps', configMap(`used-${index}`, '0')))
  await settled()
  let created = 0
  for (const size of SIZES) {
    await each(size - created, (index) =>
      create('v1', 'configmaps', configMap(`other-${created + index}`, 'x'.repeat(2_000))),
    )
    created = Math.max(created, size)
    const child = await start(hostname, port)
    await pause(5_000)
    console.log(`${size} ConfigMaps of 2 KB, ${WORKLOADS} workloads: RSS ${megabytes(child)}`)
    if (size === SIZES.at(-1)) await measureChanges(child)
    child.kill('SIGKILL')
    await once(child, 'exit')
    await kubectl(['delete', 'lease', '--all', '--namespace', 'hotreload-system'])
  }
} finally {
  await stop()
  rmSync(directory, { recursive: true })
}

async function measureBareNode(): Promise<void> {
  const bare = spawn(node, ['--eval', 'setInterval(() => {}, 1e6)'])
  await pause(1_000)
  console.log(`bare node: RSS ${megabytes(bare)}`)
  bare.kill()
}

/**
 * Waits until the Deployment controller has processed each Deployment, because our controller waits for a first rollout in progress. That takes
 * a minute: the controllers of kube-controller-manager make 20 requests a second (--kube-api-qps).
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

async function create(apiVersion: string, plural: string, body: object): Promise<void> {
  const path = `/${apiVersion === 'v1' ? 'api' : 'apis'}/${apiVersion}/namespaces/${NAMESPACE}/${plural}`
  const { status } = await admin.call({ method: 'POST', path, body: { apiVersion, ...body } })
  if (status !== 201 && status !== 409) throw new Error(`${path}: ${status}`)
}

/** Creates `count` objects, 24 at a time. */
async function each(count: number, make: (index: number) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async () => {
    while (next < count) await make(next++)
  }
  await Promise.all(Array.from({ length: 24 }, worker))
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

/** Creates the namespace, the RBAC objects, and the three files that the kubelet would mount. */
async function preparePodEnvironment(): Promise<URL> {
  const rendered = await kubectl(['kustomize', 'deploy'])
  const kinds = /^kind: (Namespace|ServiceAccount|.*Role|.*RoleBinding)$/m
  await kubectl(
    ['apply', '-f', '-'],
    rendered
      .split(/^---$/m)
      .filter((one) => kinds.test(one))
      .join('---\n'),
  )
  const labels = { 'hotreload.dev/injection': 'enabled' }
  await kubectl(
    ['apply', '-f', '-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE, labels } }),
  )
  const config: {
    clusters: {
      cluster: { server: string; 'certificate-authority'?: string; 'certificate-authority-data'?: string }
    }[]
  } = JSON.parse(await kubectl(['config', 'view', '--raw', '--flatten', '--output=json']))
  const [{ cluster: found } = { cluster: { server: '' } }] = config.clusters
  writeFileSync(
    join(directory, 'ca.crt'),
    Buffer.from(
      ('certificate-authority-data' in found && found['certificate-authority-data']) || '',
      'base64',
    ),
  )
  writeFileSync(
    join(directory, 'token'),
    await kubectl(['create', 'token', 'hotreload-controller', '--namespace', 'hotreload-system']),
  )
  writeFileSync(join(directory, 'namespace'), 'hotreload-system')
  return new URL(found.server)
}

/** A bundle like the shipped one: running TypeScript directly would take memory that no user's process takes. */
async function bundle(): Promise<string> {
  const file = join(directory, 'process.mjs')
  const build = await rolldown({
    input: join(import.meta.dirname, 'controller/process.ts'),
    platform: 'node',
    plugins: [httpByRequire],
  })
  await build.write({ file, format: 'esm', codeSplitting: false })
  return file
}

async function start(host: string, port: string): Promise<ChildProcess> {
  const child = fork(program, [directory, host, port], {
    execPath: node,
    execArgv: SHIPPED.flags,
    env: { ...process.env, ...SHIPPED.environment },
  })
  for (;;) {
    if ((await queryState(child)).ready) return child
    await pause(200)
  }
}

interface State {
  calls: number
  ready: boolean
}

async function queryState(child: ChildProcess): Promise<State> {
  child.send('state')
  const [state]: State[] = await once(child, 'message')
  return state ?? { calls: 0, ready: false }
}

function megabytes(child: ChildProcess): string {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]) / 1_024
  return `${field('VmRSS').toFixed(1)} MB, ${field('RssAnon').toFixed(1)} of it anonymous`
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
