/** Writes Events on workloads, as `kubectl describe` shows them. It repeats an Event only now and then, so that etcd does not fill up. */
import { createHash } from 'node:crypto'
import type { Api, ApiCall } from '../../api/api.ts'
import type { Clock } from '../../async/clock.ts'
import { beginningOf } from '../../workload/object-name.ts'
import type { EventReason, EventSubject } from './report.ts'

/** Milliseconds. The API server itself keeps Events for an hour. */
const REPEAT_AFTER = 600_000
const MOST_REMEMBERED = 5_000
/** Different warnings on one workload within REPEAT_AFTER: no workload's warnings make the writer forget those of all others. */
const MOST_OF_SUBJECT = 50
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
  /** Of each subject's uid, how many of `written` are its own. */
  const countOf = new Map<string, number>()
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

  function forget(key: string): void {
    if (!written.delete(key)) return
    const uid = key.slice(0, key.indexOf(' '))
    const count = (countOf.get(uid) ?? 0) - 1
    if (count > 0) countOf.set(uid, count)
    else countOf.delete(uid)
  }

  /** Forgets what may be repeated; `written` is in the order of its times. */
  function forgetOld(): void {
    for (const [key, time] of written) {
      if (written.size <= MOST_REMEMBERED && clock.now() - time < REPEAT_AFTER) return
      forget(key)
    }
  }

  function isNew(uid: string, text: string): boolean {
    forgetOld()
    const key = `${uid} ${createHash('sha256').update(text).digest('base64')}`
    const count = countOf.get(uid) ?? 0
    if (written.has(key)) return false
    if (count >= MOST_OF_SUBJECT) {
      onError(undefined)
      return false
    }
    written.set(key, clock.now())
    countOf.set(uid, count + 1)
    return true
  }

  return {
    write(subject, type, reason, message) {
      // Each rollout deserves an Event of its own.
      if (type === 'Warning' && !isNew(subject.uid, `${reason} ${message}`)) return false
      const time = new Date(clock.wall()).toISOString()
      const { apiVersion, kind, namespace, name, uid } = subject
      const suffix = createHash('sha256')
        .update(`${uid}${reason}${message}${time}`)
        .digest('hex')
        .slice(0, 12)
      const body = {
        apiVersion: 'v1',
        kind: 'Event',
        // An object's name has at most 253 characters.
        metadata: { name: `${beginningOf(name, 200)}.${suffix}`, namespace },
        involvedObject: { apiVersion, kind, namespace, name, uid },
        type,
        reason,
        // At most 1,024 bytes (events.k8s.io, NoteLengthLimit). A character of several bytes may be cut.
        message: Buffer.from(message).subarray(0, 1_000).toString(),
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
