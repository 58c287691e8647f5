/** Since when a workload has a change that is not rolled out yet. Pure. */
import type { Comparison } from './compare.ts'

/** Times are Clock.now(). */
export interface PendingChange {
  /** The desired checksums as text: when they differ, something has changed again. */
  desired: string
  /** When the desired checksums became what they are. */
  changedAt: number
  /** When there was first something to roll out. */
  firstChangedAt: number
}

/** The pending change after a comparison at `now`; undefined: nothing is pending. */
export function pendingChange(
  before: PendingChange | undefined,
  { changed, paused, desiredChecksums }: Comparison,
  now: number,
): PendingChange | undefined {
  // A change that its source's annotation holds back for a while is still the same one afterwards.
  if (changed.length === 0) return paused.length > 0 ? before : undefined
  const desired = JSON.stringify([...desiredChecksums])
  return {
    desired,
    changedAt: before?.desired === desired ? before.changedAt : now,
    firstChangedAt: before?.firstChangedAt ?? now,
  }
}
