/**
 * Refuses reviews under overload. A 503 with Retry-After costs the user a second: the API server's client sends the same review again, up
 * to its own timeoutSeconds. A review that waits in our queue until then is lost, and a full heap loses all of them.
 */

export interface OverloadLimits {
  /** Whole reviews without an answer yet. The API server limits its own to 600 by default (max-requests-inflight plus mutating). */
  inFlight: number
  /** Memory of the reviews with small bodies, and as much again of those with large ones, in bytes. */
  memoryBytes: number
  /** A body of at most so many bytes is small. */
  smallBodyBytes: number
  /** How late the event loop's timers may run. */
  lagMilliseconds: number
}

export const defaultOverloadLimits: OverloadLimits = {
  inFlight: 512,
  // Twice this beside some 100 MB that the process needs anyway stays within half of the container's limit (384Mi); the other half is for
  // garbage. The largest review costs 31 MiB, and an ordinary workload's of 12 KB with 850 values 95 kB.
  memoryBytes: 48 * 1024 * 1024,
  // Twenty times an ordinary review. A small body never waits for the large ones: they share no budget.
  smallBodyBytes: 256 * 1024,
  // A fifth of the webhook's 5 s: after that the other replica answers sooner.
  lagMilliseconds: 1_000,
}

/** What JSON.parse makes of one value, in bytes: 40 to 110 in the worst shapes that were tried (distinct keys, empty objects). */
export const HEAP_BYTES_PER_VALUE = 100

export interface Gate {
  /** Whether a request may start to send its body now. */
  isOpen: () => boolean
  /** Call its `end` once the request is over. */
  begin: () => Place
}

/** What one request takes of the limits. */
export interface Place {
  /** Counts bytes of the body when they arrive. False: there is no room for them. */
  receive: (bytes: number) => boolean
  /** Counts the values of the body before they are parsed. False: there is no room for them. */
  parse: (values: number) => boolean
  /** Counts the review as in flight. False: there are too many. */
  answer: () => boolean
  /** Gives everything back. */
  end: () => void
}

/** @param lag how late the event loop is now, in milliseconds */
export function createGate(limits: OverloadLimits, lag: () => number): Gate {
  let inFlight = 0
  const small = { bytes: 0 }
  const large = { bytes: 0 }
  return {
    isOpen: () => inFlight < limits.inFlight && lag() <= limits.lagMilliseconds,
    begin() {
      let [budget, taken, received, isInFlight] = [small, 0, 0, false]
      const take = (bytes: number): boolean => {
        // One review may always enter, whatever it costs: the bounds of a single body decide about it.
        if (budget.bytes > taken && budget.bytes + bytes > limits.memoryBytes) return false
        budget.bytes += bytes
        taken += bytes
        return true
      }
      const giveBack = () => {
        budget.bytes -= taken
        taken = 0
      }
      return {
        receive(bytes) {
          received += bytes
          if (budget === large || received <= limits.smallBodyBytes) return take(bytes)
          giveBack()
          budget = large
          return take(received)
        },
        parse: (values) => take(values * HEAP_BYTES_PER_VALUE),
        answer() {
          if (inFlight >= limits.inFlight) return false
          inFlight += 1
          isInFlight = true
          return true
        },
        end() {
          giveBack()
          if (isInFlight) inFlight -= 1
          isInFlight = false
        },
      }
    },
  }
}

export interface LagWatch {
  /** How late the event loop is now, in milliseconds. */
  lag: () => number
  stop: () => void
}

/**
 * Watches by a timer that keeps no process alive. While the event loop is busy the timer is overdue, and by how much is the lag; once it
 * has run, the queue has been served and nothing is late, so a stall that is over refuses nobody.
 */
export function watchEventLoop(everyMilliseconds = 500): LagWatch {
  let due = performance.now() + everyMilliseconds
  const timer = setInterval(() => {
    due = performance.now() + everyMilliseconds
  }, everyMilliseconds).unref()
  return { lag: () => performance.now() - due, stop: () => clearInterval(timer) }
}
