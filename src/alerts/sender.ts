/** Sends alerts to one sink outside the cluster, in the background: each is tried a few times, then dropped and counted as failed. */
import type { Clock } from '../async/clock.ts'
import type { Alert } from './sink.ts'

export interface AlertSenderOptions {
  clock: Clock
  render: (alert: Alert) => string
  /** Resolves to the response's status; rejects without a response. */
  post: (body: string) => Promise<number>
  onOutcome: (outcome: 'sent' | 'failed') => void
}

export interface Alerts {
  send(alert: Alert): void
  /** Drops what waits for its next attempt. What is under way ends, and is not repeated. */
  stop(): void
}

/** Milliseconds before each retry; after the last one the alert is dropped. */
const RETRIES = [1_000, 5_000, 30_000, 120_000]
/** Alerts that wait while the sink is unreachable; any more fail at once. */
const MOST_WAITING = 500

export function createAlertSender({ clock, render, post, onOutcome }: AlertSenderOptions): Alerts {
  let waiting = 0
  /** Cancels the timers of retries. */
  const retries = new Set<() => void>()
  let stopped = false

  async function attempt(body: string, tries: number): Promise<void> {
    const status = await post(body).catch(() => 0)
    if (status >= 200 && status < 300) return done('sent')
    // 4xx, except for too many requests and time-outs: the same body would be refused again.
    const final = status >= 400 && status < 500 && status !== 429 && status !== 408
    const delay = RETRIES[tries]
    // A timer set after stop() would keep the process alive for minutes.
    if (final || stopped || delay === undefined) return done('failed')
    const cancel = clock.after(delay, () => {
      retries.delete(cancel)
      void attempt(body, tries + 1)
    })
    retries.add(cancel)
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
      for (const cancel of retries) {
        cancel()
        done('failed')
      }
      retries.clear()
    },
  }
}
