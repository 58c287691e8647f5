// The process that owns a cluster: it starts the cluster, keeps it, and removes it. It stops at SIGTERM and SIGINT and, without --stay,
// when its standard input ends with the process that started it. If the keeper is killed, the kernel kills the cluster's programs, too
// (run.ts, sandbox.ts), and the next keeper removes their files.
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Cluster, NODE_LOCK, parseCluster, type Report } from './cluster.ts'
import { startControlPlane } from './control-plane.ts'
import { containerRuntime } from './foreign-programs.ts'
import { annotate, holder, isAlive, release, take } from './lock.ts'
import { NODE_NAME, startNode } from './node.ts'
import { installPackages, nodePackages } from './packages.ts'
import { pidFile } from './processes.ts'
import { controlPlanePrograms, nodePrograms } from './programs.ts'
import type { Background } from './run.ts'
import { makeSandbox, network, removeCgroups, removeLink } from './sandbox.ts'

const PREFIX = 'hotreload-cluster-'
/** Until a program that ended is started again. */
const RESTART_MS = 1_000
const { values: flags } = parseArgs({
  options: {
    node: { type: 'boolean' },
    stay: { type: 'boolean' },
    faults: { type: 'boolean' },
    quick: { type: 'boolean' },
  },
})
const report = (line: Report): boolean => process.stdout.write(`${JSON.stringify(line)}\n`)
const say = (line: string): boolean => report({ say: line })
process.stdout.on('error', () => undefined) // the reader is gone, which is normal with --stay

removeLeftovers()
const state = mkdtempSync(join(tmpdir(), PREFIX))
// Renamed, because another keeper that reads an empty file would take the directory for a left one.
writeFileSync(join(state, 'keeper.pid.new'), `${process.pid}`)
renameSync(join(state, 'keeper.pid.new'), join(state, 'keeper.pid'))
const processes: Background[] = []
let stopping: Promise<void> | undefined

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => void stop(0))
if (!flags.stay) process.stdin.on('close', () => void stop(0)).resume()

try {
  const cluster = flags.node ? await startWithNode() : await startWithoutNode()
  for (const program of processes) keepRunning(program)
  report({ ready: cluster })
  setInterval(() => undefined, 1 << 30) // with --stay nothing else keeps this process alive
} catch (error) {
  if (!stopping) report({ failed: error instanceof Error ? error.message : String(error) })
  await stop(1)
}

/** Starts a program again that ended, as systemd does. Without the sandbox's first process there is nothing to start it in. */
function keepRunning(program: Background): void {
  const { name, child, log } = program
  writeFileSync(pidFile(state, name), `${child.pid}`)
  child.on('exit', (code, signal) => {
    if (stopping) return
    process.stderr.write(`${name} ended (${code ?? signal}), see ${log}\n`)
    if (name === 'sandbox') return
    setTimeout(() => {
      if (stopping) return
      program.restart()
      keepRunning(program)
    }, RESTART_MS)
  })
}

async function startWithoutNode(): Promise<Cluster> {
  const programs = await controlPlanePrograms(say)
  const { quick = false } = flags
  const controlPlane = await startControlPlane({ programs, state, address: '127.0.0.1', quick, processes })
  return {
    kubeconfig: controlPlane.kubeconfig,
    kubectl: programs.kubectl,
    own: { state, keeper: process.pid },
  }
}

async function startWithNode(): Promise<Cluster> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    throw new Error('a node needs Linux and root; set KUBECONFIG to use a cluster that already runs')
  }
  const other = take(NODE_LOCK)
  if (other) {
    const where = other.note ? `; to use it: export KUBECONFIG=${parseCluster(other.note).kubeconfig}` : ''
    throw new Error(`this machine's one node is in use (process ${other.pid})${where}`)
  }
  await installPackages(Object.keys(nodePackages), say)
  const programs = await nodePrograms(say)
  const runtime = await containerRuntime(say)
  await removeLink()
  await removeCgroups()
  say('starting the control plane')
  const sandbox = await makeSandbox(state, processes)
  const node = { name: NODE_NAME, address: network.node }
  const controlPlane = await startControlPlane({ programs, state, address: network.host, node, processes })
  say('starting the node')
  const { faults = false } = flags
  const ctr = await startNode({ programs, runtime, state, controlPlane, sandbox, processes, faults })
  const own = { state, keeper: process.pid }
  const cluster = { kubeconfig: controlPlane.kubeconfig, kubectl: programs.kubectl, ctr, own }
  annotate(NODE_LOCK, JSON.stringify(cluster))
  return cluster
}

/** Kills all programs and removes all files of the cluster. Nothing shuts down gracefully, because nobody needs the data. */
function stop(code: number): Promise<void> {
  stopping ??= (async () => {
    // What runs to its end, such as a build of Kubernetes, is in the keeper's own process group, and this process ignores it by now.
    process.kill(-process.pid, 'SIGTERM')
    await Promise.all(processes.map(({ child }) => kill(child)))
    const ownsNode = holder(NODE_LOCK)?.pid === process.pid // else another keeper owns it, and this one stops for that reason
    // Without a program of its own it has no link and no cgroups either: those are of a node with another cache.
    if (ownsNode && processes.length > 0) {
      await removeLink()
      await removeCgroups()
    }
    rmSync(state, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 })
    if (ownsNode) release(NODE_LOCK)
    process.exit(code)
  })()
  return stopping
}

function kill(child: Background['child']): Promise<void> {
  return new Promise((resolve) => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return resolve()
    child.on('exit', () => resolve())
    child.kill('SIGKILL')
  })
}

/** Removes the directories of killed keepers. */
function removeLeftovers(): void {
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(PREFIX))) {
    const directory = join(tmpdir(), name)
    try {
      const pid = Number(readFileSync(join(directory, 'keeper.pid'), 'utf8'))
      if (!isAlive(pid)) rmSync(directory, { recursive: true, force: true })
    } catch {
      continue // another keeper creates or removes it right now
    }
  }
}
