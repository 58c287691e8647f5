/** Alerts to every sink, of the flags and of the policy file. Each sink has a queue of its own, so that none waits for another. */
import type { Clock } from '../async/clock.ts'
import { postJson } from './post.ts'
import { type Alerts, createAlertSender } from './sender.ts'
import { type AlertSink, parseTemplate } from './sink.ts'

export interface AlertsOptions {
  clock: Clock
  /** Read for each alert, since the policy file may change. */
  sinks: () => readonly AlertSink[]
  onOutcome: (outcome: 'sent' | 'failed') => void
}

export const createAlerts = ({ clock, sinks, onOutcome }: AlertsOptions): Alerts =>
  alertsToAll(sinks, ({ url, template }) =>
    createAlertSender({
      clock,
      render: parseTemplate(template),
      post: (body) => postJson(url, body),
      onOutcome,
    }),
  )

/** @param queueFor called once for each sink; its queue is stopped when the sink is no longer among `sinks` */
export function alertsToAll(
  sinks: () => readonly AlertSink[],
  queueFor: (sink: AlertSink) => Alerts,
): Alerts {
  const queues = new Map<string, Alerts>()
  let stopped = false
  return {
    send(alert) {
      if (stopped) return
      const wanted = new Map(sinks().map((sink) => [`${sink.url.href} ${sink.template}`, sink]))
      for (const [key, queue] of queues)
        if (!wanted.has(key)) {
          queue.stop()
          queues.delete(key)
        }
      for (const [key, sink] of wanted) {
        const queue = queues.get(key) ?? queueFor(sink)
        queues.set(key, queue)
        queue.send(alert)
      }
    },
    stop() {
      stopped = true
      for (const queue of queues.values()) queue.stop()
    },
  }
}
