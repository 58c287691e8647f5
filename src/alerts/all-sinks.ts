/** Alerts to every sink: those of the flags and of the policy file, which may change. Each has a queue of its own, so that none waits for another. */
import type { Alerts } from './sender.ts'
import type { Alert, AlertSink } from './sink.ts'

/** @param queueFor made once for each sink, and stopped when it is no longer among `sinks` */
export function alertsToAll(
  sinks: () => readonly AlertSink[],
  queueFor: (sink: AlertSink) => Alerts,
): Pick<Alerts, 'send'> {
  const queues = new Map<string, Alerts>()
  return {
    send(alert: Alert) {
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
  }
}
