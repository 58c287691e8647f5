/** Keys that are due at a time. A key runs once however often it was added, never twice at once, and again if it was added meanwhile. */
import type { Clock } from './clock.ts'

export interface Queue {
  /** Runs `key` in this time at the latest; an earlier time that was asked for stands. */
  add(key: string, milliseconds?: number): void
  remove(key: string): void
  /** Keys waiting or running. */
  size(): number
  stop(): void
}

/** In how many milliseconds a key runs again; undefined: when it is added. */
export type Requeue = number | undefined

export interface QueueOptions {
  clock: Clock
  /** Runs at once at most. */
  concurrency: number
  /** What it throws is for `onError`; the key is tried again, each time after twice as long. */
  run: (key: string) => Promise<Requeue | void>
  onError: (key: string, error: unknown) => void
  /** Milliseconds: no try is later than this; LAST_RETRY where not given. */
  lastRetry?: number
}

const FIRST_RETRY = 1_000
const LAST_RETRY = 300_000
/** A timer counts to 2^31 - 1, 24.8 days, and runs at once for more; who asks for months (Reloader's pause-period) is run earlier. */
const LONGEST = 86_400_000

export function createQueue({
  clock,
  concurrency,
  run,
  onError,
  lastRetry = LAST_RETRY,
}: QueueOptions): Queue {
  const due = new Map<string, { at: number; cancel: () => void }>()
  const ready = new Set<string>()
  const running = new Set<string>()
  const failures = new Map<string, number>()
  let stopped = false

  function add(key: string, wanted = 0): void {
    if (stopped || ready.has(key)) return
    const milliseconds = Math.min(wanted, LONGEST)
    const at = clock.now() + milliseconds
    const waiting = due.get(key)
    // Now is never later than a timer, though the clock may have been put past its time.
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
      ready.delete(key)
      running.add(key)
      void attempt(key)
    }
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
      add(key, Math.min(lastRetry, FIRST_RETRY * 2 ** count))
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
