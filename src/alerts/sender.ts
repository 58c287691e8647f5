/** Messages to one sink outside the cluster. Tried a few times, then given up and counted: nothing waits for it. */

import type { Clock } from '../async/clock.ts'
import type { Alert } from './sink.ts'

export interface AlertSenderOptions {
  clock: Clock
  render: (alert: Alert) => string
  /** Resolves to the status; rejects where there was no answer. */
  post: (body: string) => Promise<number>
  onOutcome: (outcome: 'sent' | 'failed') => void
}

export interface Alerts {
  send(alert: Alert): void
  stop(): void
}

/** Milliseconds between tries: after these it is given up. */
const RETRIES = [1_000, 5_000, 30_000, 120_000]
/** What waits while the sink is away; more is failed at once. */
const MOST_WAITING = 500

export function createAlertSender({ clock, render, post, onOutcome }: AlertSenderOptions): Alerts {
  let waiting = 0
  /** Timers of the next tries. */
  const later = new Set<() => void>()
  let stopped = false

  async function attempt(body: string, tries: number): Promise<void> {
    const status = await post(body).catch(() => 0)
    if (status >= 200 && status < 300) return done('sent')
    // 4xx but "too many" and "too slow": the same body would be refused again.
    const final = status >= 400 && status < 500 && status !== 429 && status !== 408
    const delay = RETRIES[tries]
    if (final || delay === undefined) return done('failed')
    // Answered after stop(): a timer would keep the process, for minutes.
    if (stopped) return
    const cancel = clock.after(delay, () => {
      later.delete(cancel)
      void attempt(body, tries + 1)
    })
    later.add(cancel)
  }
  function done(outcome: 'sent' | 'failed'): void {
    waiting -= 1
    onOutcome(outcome)
  }

  return {
    send(alert) {
      if (waiting >= MOST_WAITING) return onOutcome('failed')
      waiting += 1
      void attempt(render(alert), 0)
    },
    stop() {
      stopped = true
      for (const cancel of later) cancel()
    },
  }
}
