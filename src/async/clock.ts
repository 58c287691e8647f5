/** Time as an interface, so that tests can pass a clock of their own. */

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  /** @returns a function that cancels the timer */
  after(milliseconds: number, run: () => void): () => void
}

export const systemClock: Clock = {
  now: Date.now,
  after(milliseconds, run) {
    const timer = setTimeout(run, milliseconds)
    return () => clearTimeout(timer)
  },
}
