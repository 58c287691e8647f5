/** Detects that another program keeps reverting our checksums of one workload. Otherwise both would replace the Pods again and again. */
import type { Clock } from '../../async/clock.ts'
import type { ChecksumText } from '../decide/checksum-text.ts'

/** This many reverts within this time, in milliseconds, put the next rollout off. */
const MOST_REVERTS = 3
export const WITHIN = 600_000

export interface RevertGuard {
  /** The controller wrote these checksums. */
  wrote(checksums: string): void
  /**
   * The workload has the current checksums, and the controller would write the desired ones. If those are what it wrote last, somebody
   * reverted them. Returns true once, at the revert that puts rollouts off.
   */
  saw(checksums: ChecksumText): boolean
  /** Until which Clock.now() rollouts are put off; undefined: they are not. */
  backoffUntil(): number | undefined
}

export function createRevertGuard(clock: Pick<Clock, 'now'>): RevertGuard {
  let written: string | undefined
  let reverts: number[] = []
  const recent = () => reverts.filter((at) => at > clock.now() - WITHIN)
  return {
    wrote(checksums) {
      written = checksums
    },
    saw({ current, desired }) {
      if (written !== desired || current === desired) return false
      reverts = [...recent(), clock.now()]
      // The same revert must not count again at the next reconcile.
      written = undefined
      return reverts.length === MOST_REVERTS
    },
    backoffUntil() {
      const times = recent()
      return times.length >= MOST_REVERTS ? (times.at(-MOST_REVERTS) ?? 0) + WITHIN : undefined
    },
  }
}
