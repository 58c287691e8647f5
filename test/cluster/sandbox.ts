// The node's own PID, mount and network namespaces, which leave nothing behind however a run ends. Their first process ends with this
// one. Then the kernel kills every program and container in them, and removes their mounts, addresses, bridge and iptables rules. Only
// cgroups remain, until removeCgroups.
import { mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { attempt, type Background, pause, ready, run, start } from './run.ts'

/** Addresses of the link between the machine and the node, and the address ranges behind it. */
export const network = {
  host: '10.89.0.1',
  node: '10.89.0.2',
  pods: '10.88.0.0/16',
  services: '10.96.0.0/16',
} as const

/** Name of the machine's end of the link. */
const LINK = 'hotreload0'

export interface Sandbox {
  /** The first process of the namespaces: its id in this machine's PID namespace. */
  pid: number
  /** Returns a command line that runs this one in the namespaces. */
  inside: (argv: readonly string[]) => string[]
  /** The static program of pause.c: the first process of the namespaces and of each Pod. */
  pauseProgram: string
}

/**
 * Creates the namespaces. In them /run, /var/lib and /var/log are directories of `state`, so that containerd, CNI and the kubelet keep
 * their default paths without changing the machine's files.
 */
export async function makeSandbox(state: string, processes: Background[]): Promise<Sandbox> {
  mkdirSync(join(state, 'logs'), { recursive: true })
  const init = join(state, 'pause')
  await run(['gcc', '-static', '-Os', '-s', '-o', init, join(import.meta.dirname, 'pause.c')])
  const log = join(state, 'logs', 'sandbox.log')
  const unshare = ['unshare', '--pid', '--mount', '--net', '--fork', '--kill-child', '--mount-proc']
  const outer = start('sandbox', [...unshare, init], log)
  processes.push(outer)
  let pid = 0
  await ready(outer, async () => {
    const children = readFileSync(`/proc/${outer.child.pid}/task/${outer.child.pid}/children`, 'utf8')
    pid = Number(children.trim())
    // unshare forks, then mounts /proc, then executes: only then are the namespaces complete
    return pid > 0 && readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(init)
  })
  const enter = ['nsenter', `--target=${pid}`, '--pid', '--mount', '--net', '--']
  const inside = (argv: readonly string[]): string[] => [...enter, ...argv]
  const mount = (...args: string[]): Promise<string> => run(inside(['mount', ...args]))
  await mount('--make-rshared', '/') // the kubelet passes mounts on to containers
  for (const place of ['run', 'var/lib', 'var/log']) {
    mkdirSync(join(state, 'node', place), { recursive: true })
    await mount('--bind', join(state, 'node', place), `/${place}`)
    await mount('--make-rshared', `/${place}`)
  }
  await connect(pid, inside)
  return { pid, inside, pauseProgram: init }
}

const ip = (...args: string[]): Promise<string> => run(['ip', ...args])

/** Creates a pair of virtual interfaces: the API server reaches kubelet and Pods through it, and tests reach Pods and Services. */
async function connect(pid: number, inside: Sandbox['inside']): Promise<void> {
  const node = (...args: string[]): Promise<string> => run(inside(['ip', ...args]))
  await ip('link', 'add', LINK, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(pid))
  await ip('address', 'add', `${network.host}/30`, 'dev', LINK)
  await ip('link', 'set', LINK, 'up')
  await node('link', 'set', 'lo', 'up')
  await node('address', 'add', `${network.node}/30`, 'dev', 'eth0')
  await node('link', 'set', 'eth0', 'up')
  await node('route', 'add', 'default', 'via', network.host)
  for (const range of [network.pods, network.services])
    await ip('route', 'replace', range, 'via', network.node)
  await run(inside(['sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward']))
}

/** Removes the machine's end of the link, its address and its routes. A killed node may leave them for a moment. */
export async function removeLink(): Promise<void> {
  await attempt(['ip', 'link', 'delete', LINK])
}

const CGROUPS = '/sys/fs/cgroup'

/** Directories that a kubelet creates in each cgroup hierarchy (one on v2, a dozen on v1). */
function kubeletCgroups(): string[] {
  const hierarchies = [CGROUPS, ...readdirSync(CGROUPS).map((name) => join(CGROUPS, name))]
  return hierarchies.flatMap((hierarchy) =>
    hasEntry(hierarchy, 'kubepods') ? [join(hierarchy, 'kubepods')] : [],
  )
}

/** Milliseconds until the last processes of a killed node end: the kernel ends them after their first one. */
const ENDED_WITHIN = 60_000

/**
 * Removes the cgroups of ended Pods.
 * @throws if one still has processes, which belong to another kubelet
 */
export async function removeCgroups(): Promise<void> {
  const deadline = Date.now() + ENDED_WITHIN
  for (;;) {
    try {
      for (const cgroup of kubeletCgroups()) removeTree(cgroup)
      return
    } catch (error) {
      if (Date.now() > deadline) throw error
    }
    await pause(200)
  }
}

function removeTree(directory: string): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) removeTree(join(directory, entry.name))
  }
  try {
    rmdirSync(directory) // this removes the files of a cgroup, too
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(`a kubelet already runs Pods on this machine (${reason}); stop it first`, {
      cause: error,
    })
  }
}

function hasEntry(directory: string, name: string): boolean {
  try {
    return readdirSync(directory).includes(name)
  } catch {
    return false // not a directory
  }
}
