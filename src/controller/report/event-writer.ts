/** Writes Events on workloads, as `kubectl describe` shows them. It repeats an Event only now and then, so that etcd does not fill up. */
import { createHash } from 'node:crypto'
import type { Api, ApiCall } from '../../api/api.ts'
import type { Clock } from '../../async/clock.ts'
import type { EventReason, EventSubject } from './report.ts'

/** Milliseconds. The API server itself keeps Events for an hour. */
const REPEAT_AFTER = 600_000
const MOST_REMEMBERED = 5_000
/** A new leader may have an Event for each workload. A rollout's calls must not queue behind all of them. */
const CONCURRENCY = 4
const MOST_WAITING = 5_000

export interface EventWriter {
  /** Returns false for a repetition, which is not written. */
  write(subject: EventSubject, type: 'Normal' | 'Warning', reason: EventReason, message: string): boolean
}

export interface EventWriterOptions {
  api: Api
  clock: Clock
  /** This process, in the Event's reportingInstance. */
  identity: string
  /** Nothing depends on an Event, so a failure is only counted. Undefined: there was no response. */
  onError: (status: number | undefined) => void
}

export function createEventWriter({ api, clock, identity, onError }: EventWriterOptions): EventWriter {
  /** Subject, reason and message -> when it was written. */
  const written = new Map<string, number>()
  const waiting: ApiCall[] = []
  let senders = 0

  function send(call: ApiCall): void {
    if (waiting.length >= MOST_WAITING) return onError(undefined)
    waiting.push(call)
    if (senders < CONCURRENCY) void sendAll()
  }

  async function sendAll(): Promise<void> {
    senders += 1
    for (let call = waiting.shift(); call; call = waiting.shift()) {
      const status = await api.call(call).then(
        (response) => response.status,
        () => undefined,
      )
      if (status !== 201) onError(status)
    }
    senders -= 1
  }

  function isNew(key: string): boolean {
    const before = written.get(key)
    if (before !== undefined && clock.now() - before < REPEAT_AFTER) return false
    written.delete(key)
    written.set(key, clock.now())
    const [oldest] = written.keys()
    if (written.size > MOST_REMEMBERED && oldest !== undefined) written.delete(oldest)
    return true
  }

  return {
    write(subject, type, reason, message) {
      // Each rollout deserves an Event of its own.
      if (type === 'Warning' && !isNew(`${subject.uid} ${reason} ${message}`)) return false
      const time = new Date(clock.now()).toISOString()
      const { apiVersion, kind, namespace, name, uid } = subject
      const suffix = createHash('sha256')
        .update(`${uid}${reason}${message}${time}`)
        .digest('hex')
        .slice(0, 12)
      const body = {
        apiVersion: 'v1',
        kind: 'Event',
        // An object's name has at most 253 characters.
        metadata: { name: `${name.slice(0, 200)}.${suffix}`, namespace },
        involvedObject: { apiVersion, kind, namespace, name, uid },
        type,
        reason,
        // At most 1,024 bytes (events.k8s.io, NoteLengthLimit).
        message: message.slice(0, 1_000),
        source: { component: 'hotreload' },
        reportingComponent: 'hotreload.dev/controller',
        reportingInstance: identity.slice(0, 128),
        action: 'Reconcile',
        firstTimestamp: time,
        lastTimestamp: time,
        eventTime: time.replace('Z', '000Z'),
        count: 1,
      }
      send({ method: 'POST', path: `/api/v1/namespaces/${namespace}/events`, body })
      return true
    },
  }
}
