/** Time as an interface, so that tests can pass a clock of their own. */

export interface Clock {
  /** Milliseconds of a clock that only goes forward: for how long something takes, or is put off. */
  now(): number
  /** Milliseconds since 1970: for times that others write or read. Somebody may set that clock, back too. */
  wall(): number
  /** @returns a function that cancels the timer */
  after(milliseconds: number, run: () => void): () => void
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(milliseconds, run) {
    const timer = setTimeout(run, milliseconds)
    return () => clearTimeout(timer)
  },
}
