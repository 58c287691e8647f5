// A running cluster for tests, and how to get one: the cluster of KUBECONFIG, or a new one that a keeper process owns (keeper.ts).
import { spawn } from 'node:child_process'
import { readFileSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { holder, isAlive } from './lock.ts'
import { cache } from './paths.ts'
import { controlPlanePrograms } from './programs.ts'
import { attempt, pause } from './run.ts'

export interface Cluster {
  kubeconfig: string
  kubectl: string
  /** containerd's client, which imports images: a command line without its command. Absent without a node and on clusters that are not ours. */
  ctr?: readonly string[]
  /** Our cluster's directory (logs/, certificates) and the process that owns it. */
  own?: { state: string; keeper: number }
}

/** The keeper of the machine's one node holds this lock. The lock's note is the Cluster as JSON. */
export const NODE_LOCK: string = join(cache(), 'node.lock')

/** One line of the keeper's standard output. */
export type Report = { say: string } | { ready: Cluster } | { failed: string }

/** A cluster, and how to stop it. */
export interface Running {
  cluster: Cluster
  stop: () => Promise<void>
}

export interface ClusterOptions {
  node: boolean
  /** Whether the cluster outlives this process. */
  stay?: boolean
  /** For tests of faults: a small file system for Pods' volumes, which they fill, and a kubelet that looks every 10 s for what it missed. */
  faults?: boolean
  /** For tests of many workloads: the controller manager makes 500 requests a second, not its default of 20. */
  quick?: boolean
  /** Its version, e.g. 1.30, by default that of the environment (programs.ts). Without a node only. */
  kubernetes?: string | undefined
  say: (line: string) => void
}

/**
 * Returns the cluster of KUBECONFIG if that is set, else a new one. `stop` stops only a new cluster.
 * @throws if the cluster of KUBECONFIG does not answer, or a new one does not start
 */
export async function acquire(options: ClusterOptions): Promise<Running> {
  const existing = await fromEnvironment(options.say)
  return existing ? { cluster: existing, stop: async () => undefined } : startCluster(options)
}

async function fromEnvironment(say: (line: string) => void): Promise<Cluster | undefined> {
  const kubeconfig = process.env['KUBECONFIG']
  if (!kubeconfig) return undefined
  const own = runningNode()
  if (own && sameFile(own.kubeconfig, kubeconfig)) return own
  const kubectl = (await attempt(['kubectl', 'version', '--client']).catch(() => undefined))?.code === 0
  const cluster = { kubeconfig, kubectl: kubectl ? 'kubectl' : (await controlPlanePrograms(say)).kubectl }
  const { code, stderr } = await attempt([
    cluster.kubectl,
    'get',
    '--raw',
    '/readyz',
    '--request-timeout=10s',
  ])
  if (code !== 0) {
    throw new Error(
      `KUBECONFIG=${kubeconfig} does not answer (${stderr.trim()}); unset it to start a cluster`,
    )
  }
  say(`using the cluster of KUBECONFIG=${kubeconfig}`)
  return cluster
}

/** Reads the note of NODE_LOCK. */
export function parseCluster(note: string): Cluster {
  const cluster: Cluster = JSON.parse(note)
  return cluster
}

/** The node that `main.ts up` or a test run has started on this machine. */
export function runningNode(): Cluster | undefined {
  const note = holder(NODE_LOCK)?.note
  return note ? parseCluster(note) : undefined
}

/** Starts a cluster in a keeper and returns when it is ready. Without `stay` it ends with this process, however that ends. */
export function startCluster({
  node,
  stay,
  faults,
  quick,
  kubernetes,
  say,
}: ClusterOptions): Promise<Running> {
  const flags = Object.entries({ node, stay, faults, quick }).flatMap(([flag, isSet]) =>
    isSet ? [`--${flag}`] : [],
  )
  const keeper = spawn(process.execPath, [join(import.meta.dirname, 'keeper.ts'), ...flags], {
    detached: true, // Ctrl-C in a terminal reaches this process only, and the keeper stops at the end of its pipe
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...(kubernetes ? { KUBERNETES: kubernetes } : {}) },
  })
  const ended = new Promise<number | null>((resolve) => keeper.on('close', resolve))
  const stop = async (): Promise<void> => {
    keeper.kill('SIGTERM')
    await ended
  }
  return new Promise((resolve, reject) => {
    void ended.then((code) => reject(new Error(`the cluster's keeper ended with ${code ?? 'a signal'}`)))
    createInterface({ input: keeper.stdout }).on('line', (line) => {
      const report: Report = JSON.parse(line)
      if ('say' in report) say(report.say)
      if ('failed' in report) reject(new Error(report.failed))
      if ('ready' in report) {
        if (stay) keeper.unref()
        resolve({ cluster: report.ready, stop })
      }
    })
  })
}

/** Stops the node on this machine, even one that another process has started. Returns whether there was one. */
export async function stopRunningNode(): Promise<boolean> {
  const found = holder(NODE_LOCK)
  if (!found) return false
  process.kill(found.pid, 'SIGTERM')
  while (isAlive(found.pid)) await pause(100)
  return true
}

function sameFile(a: string, b: string): boolean {
  try {
    return realpathSync(a) === realpathSync(b) || readFileSync(a, 'utf8') === readFileSync(b, 'utf8')
  } catch {
    return false
  }
}
