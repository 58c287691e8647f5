/** Notices that somebody keeps undoing our rollouts, so that two programs don't replace Pods against each other for ever. */
import type { Clock } from '../../async/clock.ts'

/** This often within this time, in milliseconds. */
const REMOVALS = 3
export const WITHIN = 600_000

export interface RevertGuard {
  /** We wrote this checksum. */
  wrote(key: string, checksum: string): void
  /**
   * The workload was seen with this checksum. `wanted` is what we would write now: a checksum of ours that went although nothing else is wanted
   * was taken away. Returns true once, on the third revert.
   */
  saw(key: string, checksum: string, wanted: string): boolean
  /** Milliseconds since 1970 until which nothing is rolled out; undefined: not held back. */
  until(key: string): number | undefined
  forget(key: string): void
}

export function createRevertGuard(clock: Pick<Clock, 'now'>): RevertGuard {
  const records = new Map<string, { checksum: string | undefined; removals: number[] }>()
  const recent = (removals: readonly number[]) => removals.filter((at) => at > clock.now() - WITHIN)
  return {
    wrote(key, checksum) {
      records.set(key, { checksum, removals: recent(records.get(key)?.removals ?? []) })
    },
    saw(key, checksum, wanted) {
      const record = records.get(key)
      if (!record || record.checksum !== wanted || checksum === record.checksum) return false
      const removals = [...recent(record.removals), clock.now()]
      // Once told of; the same absence is not counted again before we have written again, or seen our checksum back.
      records.set(key, { checksum: undefined, removals })
      return removals.length === REMOVALS
    },
    until(key) {
      const removals = recent(records.get(key)?.removals ?? [])
      return removals.length >= REMOVALS ? (removals.at(-REMOVALS) ?? 0) + WITHIN : undefined
    },
    forget: (key) => records.delete(key),
  }
}
