/** The controller as a process of its own, as in a Pod of a cluster without nodes, and what its benchmarks create there. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rolldown } from 'rolldown'
import { httpByRequire } from '../../rolldown.config.ts'
import { mapLimit } from '../../src/async/map-limit.ts'
import { createClient, type KubeClient } from '../../src/kube/client.ts'
import { kubeconfigConnection } from '../../src/kube/connection.ts'
import { acquire, type Cluster } from '../../test/cluster/cluster.ts'
import { attempt, pause } from '../../test/cluster/run.ts'
import { SHIPPED } from './shipped.ts'

export interface State {
  calls: number
  ready: boolean
}

export interface Bench {
  cluster: Cluster
  kubectl: (argv: string[], input?: string) => Promise<string>
  admin: KubeClient
  /** A copy, because the kernel maps a file that was read in large blocks in large blocks, which all count as resident (docs/benchmarks.md). */
  node: string
  /** Returns when it is ready. */
  start: () => Promise<ChildProcess>
  stop: () => Promise<void>
}

/** A cluster with this namespace, opted in. */
export async function prepareBench(namespace: string): Promise<Bench> {
  const { cluster, stop } = await acquire({ node: false, quick: true, say: (line) => console.error(line) })
  const directory = mkdtempSync(join(tmpdir(), 'hotreload-bench-'))
  const kubectl = async (argv: string[], input?: string) => {
    const env = { ...process.env, KUBECONFIG: cluster.kubeconfig }
    const result = await attempt([cluster.kubectl, ...argv], input === undefined ? { env } : { env, input })
    if (result.code !== 0) throw new Error(result.stderr)
    return result.stdout
  }
  const program = await bundle(directory)
  const node = join(directory, 'node')
  copyFileSync(process.execPath, node)
  const { hostname, port } = await preparePodEnvironment(kubectl, directory)
  const labels = { 'hotreload.dev/injection': 'enabled' }
  await kubectl(
    ['apply', '-f', '-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } }),
  )
  return {
    cluster,
    kubectl,
    admin: createClient(await kubeconfigConnection(cluster.kubeconfig, namespace)),
    node,
    async start() {
      const child = fork(program, [directory, hostname, port], {
        execPath: node,
        execArgv: SHIPPED.flags,
        env: { ...process.env, ...SHIPPED.environment },
      })
      while (!(await queryState(child)).ready) await pause(200)
      return child
    },
    async stop() {
      await stop()
      rmSync(directory, { recursive: true })
    },
  }
}

/** A bundle like the shipped one: running TypeScript directly would take memory that no user's process takes. */
async function bundle(directory: string): Promise<string> {
  const file = join(directory, 'process.mjs')
  const build = await rolldown({
    input: join(import.meta.dirname, '../controller/process.ts'),
    platform: 'node',
    plugins: [httpByRequire],
  })
  await build.write({ file, format: 'esm', codeSplitting: false })
  return file
}

/** Creates the RBAC objects, and the three files that the kubelet would mount. @returns where the API server is */
async function preparePodEnvironment(kubectl: Bench['kubectl'], directory: string): Promise<URL> {
  const rendered = await kubectl(['kustomize', 'deploy'])
  const kinds = /^kind: (Namespace|ServiceAccount|.*Role|.*RoleBinding)$/m
  await kubectl(
    ['apply', '-f', '-'],
    rendered
      .split(/^---$/m)
      .filter((one) => kinds.test(one))
      .join('---\n'),
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

export async function queryState(child: ChildProcess): Promise<State> {
  child.send('state')
  const [state]: State[] = await once(child, 'message')
  return state ?? { calls: 0, ready: false }
}

export function megabytes(child: ChildProcess): string {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]) / 1_024
  return `${field('VmRSS').toFixed(1)} MB, ${field('RssAnon').toFixed(1)} of it anonymous`
}

/** Milliseconds: thousands of objects keep etcd's disk busy. */
const TIMEOUT = 60_000

/** @param path of the collection. An object that is there already stays. */
export async function create(admin: KubeClient, path: string, body: object): Promise<void> {
  const { status } = await admin.call({ method: 'POST', path, body, timeoutMilliseconds: TIMEOUT })
  if (status !== 201 && status !== 409) throw new Error(`${path}: ${status}`)
}

/** Calls `make` for 0 to `count` - 1, 24 at a time. */
export async function each(count: number, make: (index: number) => Promise<void>): Promise<void> {
  await mapLimit([...Array(count).keys()], make, 24)
}
