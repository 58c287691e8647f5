/** Time as an interface, so that tests pass their own. */
/** Milliseconds since 1970, and a timer: tests pass their own. */
export interface Clock {
  now(): number
  /** Returns how to cancel it. */
  after(milliseconds: number, run: () => void): () => void
}

export const systemClock: Clock = {
  now: Date.now,
  after(milliseconds, run) {
    const timer = setTimeout(run, milliseconds)
    return () => clearTimeout(timer)
  },
}
