/** The CPU time of a process, from proc_pid_stat(5). */
import { readFileSync } from 'node:fs'

/** Linux counts in hundredths of a second for all programs (USER_HZ). */
const TICKS_PER_SECOND = 100

/** Of user and system, since its start. */
export function cpuSeconds(pid: number | undefined): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}
