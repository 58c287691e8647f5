/** Notices that somebody keeps undoing our rollouts, so that two programs don't replace Pods against each other for ever. */
import type { Clock } from '../../async/clock.ts'

/** This often within this time, in milliseconds. */
const REMOVALS = 3
export const WITHIN = 600_000

export interface RevertGuard {
  /** We wrote this stamp. */
  wrote(key: string, stamp: string): void
  /**
   * The workload was seen with this stamp. `wanted` is what we would write now: a stamp of ours that went although nothing else is wanted
   * was taken away. Returns true once, when it is a fight.
   */
  saw(key: string, stamp: string, wanted: string): boolean
  /** Milliseconds since 1970 until which nothing is rolled out; undefined: no fight. */
  until(key: string): number | undefined
  forget(key: string): void
}

export function createRevertGuard(clock: Pick<Clock, 'now'>): RevertGuard {
  const records = new Map<string, { stamp: string | undefined; removals: number[] }>()
  const recent = (removals: readonly number[]) => removals.filter((at) => at > clock.now() - WITHIN)
  return {
    wrote(key, stamp) {
      records.set(key, { stamp, removals: recent(records.get(key)?.removals ?? []) })
    },
    saw(key, stamp, wanted) {
      const record = records.get(key)
      if (!record || record.stamp !== wanted || stamp === record.stamp) return false
      const removals = [...recent(record.removals), clock.now()]
      // Once told of; the same absence is not counted again before we have written again, or seen our stamp back.
      records.set(key, { stamp: undefined, removals })
      return removals.length === REMOVALS
    },
    until(key) {
      const removals = recent(records.get(key)?.removals ?? [])
      return removals.length >= REMOVALS ? (removals.at(-REMOVALS) ?? 0) + WITHIN : undefined
    },
    forget: (key) => records.delete(key),
  }
}
