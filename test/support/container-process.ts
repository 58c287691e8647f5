// A container's processes and memory as the node's machine sees them, for what no API can do to a container: stop it, or use up its
// memory. Needs to be root on that machine, as the node of the tests does.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { V1Pod } from '@kubernetes/client-node'
import { attempt } from '../cluster/run.ts'

/** Process ids, as this machine counts them, of a container of this Pod. */
export function processesOf({ status }: V1Pod, container: string): number[] {
  const statuses = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])]
  const id = statuses.find(({ name }) => name === container)?.containerID?.split('//')[1]
  if (!id) throw new Error(`container ${container} is not there`)
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && cgroupsOf(pid).some(({ path }) => path.includes(id)))
}

interface Cgroup {
  /** Names with commas; empty for the unified hierarchy. */
  controllers: string
  path: string
}

/** Reads /proc/PID/cgroup (cgroups(7)); nothing for a process that ended. */
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

/** The directory of a process's memory cgroup: of version 1 where memory is a hierarchy of its own, else of version 2. */
function memoryCgroup(pid: number): string {
  const all = cgroupsOf(pid)
  const own = all.find(({ controllers }) => controllers.split(',').includes('memory'))
  const path = (own ?? all.find(({ controllers }) => controllers === ''))?.path
  if (path === undefined) throw new Error(`process ${pid} has no memory cgroup`)
  return join('/sys/fs/cgroup', own ? 'memory' : '', path)
}

/**
 * Has the kernel end a container for lack of memory, while the container itself does nothing: a neighbour in its cgroup writes a file
 * into memory until the container's limit is reached. Of the two the kernel takes the container, whose score the kubelet raised.
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
