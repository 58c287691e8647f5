/** Events on workloads, as `kubectl describe` shows them. Each is told once in a while: what goes on must not fill etcd. */
import { createHash } from 'node:crypto'
import type { Api, ApiCall } from '../api/api.ts'
import type { Clock } from '../async/clock.ts'
import type { EventReason, Involved } from './report.ts'

/** Milliseconds. The API server itself keeps Events for an hour. */
const SAME_AGAIN_AFTER = 600_000
const MOST_REMEMBERED = 5_000
/** A leader that begins may have one for each workload: calls on which rollouts wait must not stand behind all of them. */
const AT_ONCE = 4
const MOST_WAITING = 5_000

export interface EventWriter {
  /** Whether it is news. */
  write(about: Involved, type: 'Normal' | 'Warning', reason: EventReason, message: string): boolean
}

/** Nothing depends on an Event: what can't be written is only counted by `onError`. */
export function createEventWriter(
  api: Api,
  clock: Clock,
  identity: string,
  onError: (status: number | undefined) => void,
): EventWriter {
  const told = new Map<string, number>()
  const waiting: ApiCall[] = []
  let underWay = 0

  function send(call: ApiCall): void {
    if (waiting.length >= MOST_WAITING) return onError(undefined)
    waiting.push(call)
    if (underWay < AT_ONCE) void sendAll()
  }

  async function sendAll(): Promise<void> {
    underWay += 1
    for (let call = waiting.shift(); call; call = waiting.shift()) {
      const status = await api.call(call).then(
        (response) => response.status,
        () => undefined,
      )
      if (status !== 201) onError(status)
    }
    underWay -= 1
  }

  function isNew(key: string): boolean {
    const before = told.get(key)
    if (before !== undefined && clock.now() - before < SAME_AGAIN_AFTER) return false
    told.delete(key)
    told.set(key, clock.now())
    const [oldest] = told.keys()
    if (told.size > MOST_REMEMBERED && oldest !== undefined) told.delete(oldest)
    return true
  }

  return {
    write(about, type, reason, message) {
      // Each rollout is news.
      if (type === 'Warning' && !isNew(`${about.uid} ${reason} ${message}`)) return false
      const time = new Date(clock.now()).toISOString()
      const { apiVersion, kind, namespace, name, uid } = about
      const suffix = createHash('sha256')
        .update(`${uid}${reason}${message}${time}`)
        .digest('hex')
        .slice(0, 12)
      const body = {
        apiVersion: 'v1',
        kind: 'Event',
        // A name of an object has 253 characters at most.
        metadata: { name: `${name.slice(0, 200)}.${suffix}`, namespace },
        involvedObject: { apiVersion, kind, namespace, name, uid },
        type,
        reason,
        // 1,024 bytes at most (events.k8s.io, NoteLengthLimit).
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
