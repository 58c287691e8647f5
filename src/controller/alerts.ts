/** Messages to one sink outside the cluster, each as JSON made from a template. Tried a few times, then given up and counted: nothing waits for it. */
import { UserError } from '../errors.ts'
import type { Clock } from './api.ts'

export interface Alert {
  reason: string
  kind: string
  namespace: string
  name: string
  message: string
}

/** What templates may name; each is put in as JSON text, so that no message can break out of its string. */
const PLACES = /\$\{(reason|kind|namespace|name|message)\}/g

/** Slack's incoming webhooks, and those that take the same. docs/alerts.md has others. */
export const defaultTemplate = '{"text":"${reason}: ${kind} ${namespace}/${name}: ${message}"}'

/**
 * Checks a template once, so that a mistake shows at the start and not at the first alert.
 * @throws UserError HR_BAD_TEMPLATE
 */
export function parseTemplate(text: string): (alert: Alert) => string {
  const render = (alert: Alert) =>
    text.replaceAll(PLACES, (_, place: keyof Alert) => JSON.stringify(alert[place]).slice(1, -1))
  const sample = { reason: '"', kind: '"', namespace: '"', name: '"', message: '"\\' }
  const unknown = /\$\{[^}]*\}/.exec(text.replaceAll(PLACES, ''))?.[0]
  try {
    JSON.parse(render(sample))
  } catch {
    throw new UserError(
      'HR_BAD_TEMPLATE',
      'alert template: not JSON once its places are filled',
      'put each ${…} inside a string',
    )
  }
  if (unknown !== undefined)
    throw new UserError(
      'HR_BAD_TEMPLATE',
      `alert template: ${unknown} is no place`,
      'use ${reason}, ${kind}, ${namespace}, ${name} and ${message}',
    )
  return render
}

export interface AlertsOptions {
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

export function createAlerts({ clock, render, post, onOutcome }: AlertsOptions): Alerts {
  let waiting = 0
  let stopped = false

  async function attempt(body: string, tries: number): Promise<void> {
    if (stopped) return
    const status = await post(body).catch(() => 0)
    if (status >= 200 && status < 300) return done('sent')
    // 4xx but "too many" and "too slow": the same body would be refused again.
    const final = status >= 400 && status < 500 && status !== 429 && status !== 408
    const delay = RETRIES[tries]
    if (final || delay === undefined) return done('failed')
    clock.after(delay, () => void attempt(body, tries + 1))
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
    },
  }
}
