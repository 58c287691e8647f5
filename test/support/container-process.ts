// A container's processes and memory, seen from the node's machine. No API can stop a container or use up its memory. It needs root on
// that machine, as the node of the tests does.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { V1Pod } from '@kubernetes/client-node'
import { attempt } from '../cluster/run.ts'

/** Process ids of a Pod's container in this machine's PID namespace. */
export function processesOf({ status }: V1Pod, container: string): number[] {
  const statuses = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])]
  const id = statuses.find(({ name }) => name === container)?.containerID?.split('//')[1]
  if (!id) throw new Error(`container ${container} does not exist`)
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && cgroupsOf(pid).some(({ path }) => path.includes(id)))
}

/** The capability sets of a process, as masks (capabilities(7)). */
export function capabilitiesOf(pid: number): Record<string, bigint> {
  const sets = readFileSync(`/proc/${pid}/status`, 'utf8').matchAll(/^Cap(\w+):\t([0-9a-f]+)$/gm)
  return Object.fromEntries([...sets].map(([, set = '', mask]) => [set, BigInt(`0x${mask}`)]))
}

/** The process that holds a Pod's namespaces. */
export function sandboxOf({ metadata, status }: V1Pod): number {
  const ids = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])].map(
    ({ containerID }) => containerID?.split('//')[1] ?? '',
  )
  const isPod = (path: string) =>
    path.includes(metadata?.uid ?? '?') && !ids.some((id) => id && path.includes(id))
  const found = readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && cgroupsOf(pid).some(({ path }) => isPod(path)))
  if (found.length !== 1 || found[0] === undefined)
    throw new Error(`${found.length} processes may be the sandbox's`)
  return found[0]
}

interface Cgroup {
  /** Names with commas; empty for the unified hierarchy. */
  controllers: string
  path: string
}

/** Reads /proc/PID/cgroup (cgroups(7)); empty for a process that has ended. */
function cgroupsOf(pid: number): Cgroup[] {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, 'utf8')
      .trim()
      .split('\n')
      .map((line) => {
        const [, , controllers = '', path = ''] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? []
        return { controllers, path }
      })
  } catch {
    return []
  }
}

/** The directory of a process's memory cgroup: of version 1 if memory has its own hierarchy, else of version 2. */
function memoryCgroup(pid: number): string {
  const all = cgroupsOf(pid)
  const own = all.find(({ controllers }) => controllers.split(',').includes('memory'))
  const path = (own ?? all.find(({ controllers }) => controllers === ''))?.path
  if (path === undefined) throw new Error(`process ${pid} has no memory cgroup`)
  return join('/sys/fs/cgroup', own ? 'memory' : '', path)
}

/**
 * Makes the kernel kill a container for lack of memory: another process in its cgroup writes a file into memory up to the container's
 * limit. Of the two processes the kernel kills the container's, because the kubelet has raised its score.
 */
export async function outOfMemory(pid: number): Promise<void> {
  const directory = mkdtempSync('/dev/shm/hotreload-')
  try {
    const script = 'echo $$ >"$0/cgroup.procs" && exec head --bytes=64M /dev/zero >"$1"'
    await attempt(['sh', '-c', script, memoryCgroup(pid), join(directory, 'file')])
  } finally {
    rmSync(directory, { recursive: true })
  }
}
