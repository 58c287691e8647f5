/** A token bucket: so many at once, then so many a second. */
import type { Clock } from './clock.ts'

export interface TokenBucket {
  /** Milliseconds until one more is allowed, which is taken with the answer. */
  take(): number
}

export function createTokenBucket(clock: Pick<Clock, 'now'>, perSecond: number, burst: number): TokenBucket {
  const interval = 1_000 / perSecond
  /** When the bucket would be full: each that is taken puts it off by one interval. */
  let fullAt = clock.now()
  return {
    take() {
      const now = clock.now()
      fullAt = Math.max(fullAt, now) + interval
      return Math.max(0, fullAt - now - burst * interval)
    },
  }
}
