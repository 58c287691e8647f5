/**
 * A workqueue of keys with delays. A key that is added several times runs once. It never runs twice at once; one that is added while it runs
 * runs again afterwards.
 */
import type { Clock } from './clock.ts'

export interface Queue {
  /** Runs `key` after this delay at the latest; an earlier time from another call stays. 0 by default. */
  add(key: string, milliseconds?: number): void
  remove(key: string): void
  /** Number of keys that wait or run. */
  size(): number
  stop(): void
}

/** Milliseconds until the key runs again; undefined: when it is added. */
export type Requeue = number | undefined

export function earliest(...times: Requeue[]): Requeue {
  const set = times.filter((time) => time !== undefined)
  return set.length > 0 ? Math.min(...set) : undefined
}

export interface QueueOptions {
  clock: Clock
  /** Keys that may run at once. */
  concurrency: number
  /** After an error, which goes to `onError`, the key runs again, each time after twice the delay. */
  run: (key: string) => Promise<Requeue | void>
  onError: (key: string, error: unknown) => void
  /** The longest delay of a retry, in milliseconds; LONGEST_RETRY_DELAY by default. */
  longestRetryDelay?: number
}

/**
 * Milliseconds of runs after which timers and connections have their turn: runs that wait for nothing would follow one another until the queue
 * is empty, and neither a probe nor a lease would be answered.
 */
const LONGEST_TURN = 50
const FIRST_RETRY = 1_000
const LONGEST_RETRY_DELAY = 300_000
/**
 * A timer overflows at 2^31 - 1 ms, 24.8 days, and fires at once for more. A key with a longer delay (Reloader's pause-period may be months)
 * runs early instead.
 */
const MAX_DELAY = 86_400_000

export function createQueue({
  clock,
  concurrency,
  run,
  onError,
  longestRetryDelay = LONGEST_RETRY_DELAY,
}: QueueOptions): Queue {
  const due = new Map<string, { at: number; cancel: () => void }>()
  const ready = new Set<string>()
  const running = new Set<string>()
  const failures = new Map<string, number>()
  let stopped = false
  /** When the first run of this turn of the event loop began; undefined: none has. */
  let turnBegan: number | undefined

  function add(key: string, delay = 0): void {
    if (stopped || ready.has(key)) return
    const milliseconds = Math.min(delay, MAX_DELAY)
    const at = clock.now() + milliseconds
    const waiting = due.get(key)
    // A key without delay never waits for a timer, even where the clock was set past the timer's time.
    if (waiting && milliseconds > 0 && waiting.at <= at) return
    waiting?.cancel()
    due.delete(key)
    if (milliseconds > 0) {
      const cancel = clock.after(milliseconds, () => {
        due.delete(key)
        makeReady(key)
      })
      due.set(key, { at, cancel })
    } else makeReady(key)
  }

  function makeReady(key: string): void {
    ready.add(key)
    pump()
  }

  function pump(): void {
    for (const key of ready) {
      if (running.size >= concurrency) return
      if (running.has(key)) continue
      if (isTurnOver()) return
      ready.delete(key)
      running.add(key)
      void attempt(key)
    }
  }

  /** Whether other work comes first. The next turn begins by itself. */
  function isTurnOver(): boolean {
    if (turnBegan === undefined) {
      turnBegan = clock.now()
      setImmediate(() => {
        turnBegan = undefined
        pump()
      })
    }
    return clock.now() - turnBegan >= LONGEST_TURN
  }

  async function attempt(key: string): Promise<void> {
    try {
      const again = await run(key)
      failures.delete(key)
      if (again !== undefined) add(key, again)
    } catch (error) {
      const count = failures.get(key) ?? 0
      failures.set(key, count + 1)
      onError(key, error)
      add(key, Math.min(longestRetryDelay, FIRST_RETRY * 2 ** count))
    } finally {
      running.delete(key)
      pump()
    }
  }

  return {
    add,
    remove(key) {
      due.get(key)?.cancel()
      due.delete(key)
      ready.delete(key)
      failures.delete(key)
    },
    size: () => due.size + ready.size + running.size,
    stop() {
      stopped = true
      for (const { cancel } of due.values()) cancel()
      due.clear()
      ready.clear()
    },
  }
}
