/**
 * Ends requests that wait too long for their client: for the rest of a body, or until it has read the answer. One timer counts ticks for
 * all of them. After a stall of ours it ticks once, and data that came meanwhile is read before the next tick: nobody pays for our delay.
 */

const TICK_MILLISECONDS = 500

/** 2 s in all. The API server sends a review at once, and its own clock runs for 5 s. */
const TICKS = 4

export const CLIENT_TIMEOUT_MILLISECONDS = TICKS * TICK_MILLISECONDS

export interface SlowClients {
  /** Calls `expire` after CLIENT_TIMEOUT_MILLISECONDS. @returns a function that prevents it */
  wait: (expire: () => void) => () => void
  stop: () => void
}

export function watchSlowClients(tickMilliseconds = TICK_MILLISECONDS): SlowClients {
  const waiting = new Set<{ ticks: number; expire: () => void }>()
  const timer = setInterval(() => {
    for (const one of waiting) {
      one.ticks += 1
      // The first tick may come at once, so one more.
      if (one.ticks <= TICKS) continue
      waiting.delete(one)
      one.expire()
    }
  }, tickMilliseconds).unref()
  return {
    wait(expire) {
      const one = { ticks: 0, expire }
      waiting.add(one)
      return () => waiting.delete(one)
    },
    stop: () => clearInterval(timer),
  }
}
