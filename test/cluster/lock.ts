// Lock files with a process id, so that the lock of an ended process counts as free.
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { pause } from './run.ts'

/** The process that holds a lock, and its note for others. */
export interface Holder {
  pid: number
  note: string
}

/** The running holder of a lock; undefined if the lock is free. */
export function holder(path: string): Holder | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
  const [first = '', ...rest] = text.split('\n')
  const pid = Number(first)
  return isAlive(pid) ? { pid, note: rest.join('\n') } : undefined
}

/** Takes a lock for this process. Returns undefined on success, else the holder. */
export function take(path: string, note = ''): Holder | undefined {
  const mine = `${path}.${process.pid}`
  writeFileSync(mine, `${process.pid}\n${note}`)
  try {
    for (;;) {
      try {
        linkSync(mine, path) // atomic, and never empty for a reader
        return undefined
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error
      }
      const other = holder(path)
      if (other) return other
      rmSync(path, { force: true }) // left by an ended process
    }
  } finally {
    rmSync(mine, { force: true })
  }
}

/** Changes the note of a lock that this process holds. */
export function annotate(path: string, note: string): void {
  const mine = `${path}.${process.pid}`
  writeFileSync(mine, `${process.pid}\n${note}`)
  renameSync(mine, path)
}

/** Releases a lock of this process. */
export function release(path: string): void {
  rmSync(path, { force: true })
}

/** Waits for a lock, runs `work`, and releases the lock. */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  while (take(path)) await pause(500)
  try {
    return await work()
  } finally {
    release(path)
  }
}

/** Whether a process with this id runs. A zombie does not. */
export function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) !== 'Z'
  } catch {
    return true // no /proc on this system
  }
}

const codeOf = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
