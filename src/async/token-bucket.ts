/** A token bucket: a burst at once, then a number per second. */
import type { Clock } from './clock.ts'

export interface TokenBucket {
  /** Takes one token. @returns milliseconds to wait before using it */
  take(): number
  /** Empties the bucket, so that no token is ready for this time. */
  pause(milliseconds: number): void
}

export function createTokenBucket(clock: Pick<Clock, 'now'>, perSecond: number, burst: number): TokenBucket {
  const interval = 1_000 / perSecond
  /** When the bucket will be full again; each token taken moves it by one interval. */
  let fullAt = clock.now()
  return {
    take() {
      const now = clock.now()
      fullAt = Math.max(fullAt, now) + interval
      return Math.max(0, fullAt - now - burst * interval)
    },
    pause(milliseconds) {
      fullAt = Math.max(fullAt, clock.now() + milliseconds + (burst - 1) * interval)
    },
  }
}
