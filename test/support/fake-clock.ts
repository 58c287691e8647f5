/** A clock that a test advances. Promises settle between two timers. */
import type { Clock } from '../../src/async/clock.ts'

export interface FakeClock extends Clock {
  /** Runs what is due within this time, in order. */
  advance(milliseconds: number): Promise<void>
  /** The number of pending timers. */
  timers(): number
}

export function fakeClock(now = Date.UTC(2026, 0, 1)): FakeClock {
  const timers = new Set<{ at: number; run: () => void }>()
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve))
  return {
    now: () => now,
    wall: () => now,
    timers: () => timers.size,
    after(milliseconds, run) {
      const timer = { at: now + milliseconds, run }
      timers.add(timer)
      return () => timers.delete(timer)
    },
    async advance(milliseconds) {
      const until = now + milliseconds
      for (;;) {
        await settle()
        const [next] = [...timers].filter(({ at }) => at <= until).toSorted((a, b) => a.at - b.at)
        if (!next) break
        timers.delete(next)
        now = Math.max(now, next.at)
        next.run()
      }
      now = until
      await settle()
    },
  }
}
