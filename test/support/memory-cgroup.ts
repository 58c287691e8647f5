/** A memory cgroup of a test's own, of version 1 or 2. Needs root. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface MemoryCgroup {
  /** Starts a program in the cgroup. */
  start(command: string, argv: readonly string[], environment: NodeJS.ProcessEnv): ChildProcess
  /** The most that it has used, in bytes. */
  peak(): number
  /** Call it when its processes have ended. */
  remove(): void
}

const ROOT = '/sys/fs/cgroup'

/** @throws Error that says what this machine lacks: the limit of memory is what these tests are about, so they can't do without */
export function createMemoryCgroup(name: string, limitBytes: number): MemoryCgroup {
  const isFirstVersion = existsSync(join(ROOT, 'memory'))
  const directory = join(ROOT, isFirstVersion ? 'memory' : '', `${name}-${process.pid}`)
  const [limit, swap, peak] = isFirstVersion
    ? ['memory.limit_in_bytes', 'memory.memsw.limit_in_bytes', 'memory.max_usage_in_bytes']
    : ['memory.max', 'memory.swap.max', 'memory.peak']
  try {
    if (!isFirstVersion) writeFileSync(join(ROOT, 'cgroup.subtree_control'), '+memory')
    mkdirSync(directory)
    writeFileSync(join(directory, limit), String(limitBytes))
    if (existsSync(join(directory, swap)))
      writeFileSync(join(directory, swap), isFirstVersion ? String(limitBytes) : '0')
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error)
    throw new Error(
      `this test needs root and a memory cgroup that it may create below ${ROOT} (version 1 or 2): ${problem}`,
      { cause: error },
    )
  }
  return {
    start(command, argv, environment) {
      const script = 'echo $$ >"$0" && exec "$@"'
      return spawn('sh', ['-c', script, join(directory, 'cgroup.procs'), command, ...argv], {
        env: environment,
        stdio: ['ignore', 'pipe', 'inherit'],
      })
    },
    peak: () => Number(readFileSync(join(directory, peak), 'utf8')),
    remove: () => rmdirSync(directory),
  }
}
