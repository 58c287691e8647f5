/**
 * Refuses reviews under overload. A 503 with Retry-After costs the user a second: the API server's client sends the same review again, up
 * to its own timeoutSeconds. A review that waits in our queue until then is lost, and a full heap loses all of them.
 */

export interface OverloadLimits {
  /** Requests without an answer yet. The API server limits its own to 600 by default (max-requests-inflight plus mutating). */
  inFlight: number
  /** Bytes of their bodies. Parsed JSON takes up to 20 times its text, so this bounds the heap. */
  inFlightBytes: number
  /** How late the event loop's timers may run. */
  lagMilliseconds: number
}

export const defaultOverloadLimits: OverloadLimits = {
  inFlight: 512,
  // Two of the largest bodies (16 MiB) at a time; ordinary ones (12 KB) reach the other limit first.
  inFlightBytes: 32 * 1024 * 1024,
  // A fifth of the webhook's 5 s: after that the other replica answers sooner.
  lagMilliseconds: 1_000,
}

export interface Gate {
  /** Whether a request with a body of `bytes` may start. If so, call `leave` once with the same number. */
  enter: (bytes: number) => boolean
  leave: (bytes: number) => void
}

/** @param lag how late the event loop is now, in milliseconds */
export function createGate(limits: OverloadLimits, lag: () => number): Gate {
  let requests = 0
  let bytes = 0
  return {
    enter(more) {
      // One body may always enter, however large: fastify's bodyLimit decides about it.
      const full = requests >= limits.inFlight || (requests > 0 && bytes + more > limits.inFlightBytes)
      if (full || lag() > limits.lagMilliseconds) return false
      requests += 1
      bytes += more
      return true
    },
    leave(less) {
      requests -= 1
      bytes -= less
    },
  }
}

/** @returns how late timers run, in milliseconds; measured twice a second by a timer that keeps no process alive */
export function watchEventLoop(everyMilliseconds = 500): () => number {
  let lag = 0
  let due = performance.now() + everyMilliseconds
  setInterval(() => {
    const now = performance.now()
    lag = now - due
    due = now + everyMilliseconds
  }, everyMilliseconds).unref()
  return () => lag
}
