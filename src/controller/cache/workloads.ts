/** Summaries of the workloads that ask for something. Nothing is kept of other workloads, nor of the objects themselves. */
import type { Listener } from '../../api/api.ts'
import type { Clock } from '../../async/clock.ts'
import { kindLabel, type TypeMeta, type WorkloadKind, workloadKindOf } from '../../workload/kinds.ts'
import type { ApiObject } from '../../workload/pod-template.ts'
import { type RunningRollout, runningRollout } from '../decide/running-rollout.ts'
import type { WorkloadSummary } from '../decide/workload-summary.ts'

export interface Workload {
  key: string
  summary: WorkloadSummary
  /** Its rollout in progress; undefined without one. */
  running: RunningRollout | undefined
}

export interface WorkloadsOptions {
  clock: Clock
  /** Undefined where the workload asks for nothing. */
  summarize: (object: ApiObject) => WorkloadSummary | undefined
  /** A workload is new, has changed or is gone, in which case `get` returns undefined. `last` is its state before. */
  onChange: (key: string, last: Workload | undefined) => void
}

export interface Workloads {
  get(key: string): Workload | undefined
  all(): Iterable<Workload>
  size(): number
  /** @param object as a watch or the response to a write shows it */
  put(object: ApiObject): void
  remove(workload: WorkloadName): void
  /** New watches list every kind again: a workload that a list lacks is gone. */
  relist(): void
  listener(kind: WorkloadKind): Omit<Listener, 'refused'>
}

type WorkloadName = TypeMeta & { namespace: string; name: string }

const keyOf = (workload: WorkloadName): string =>
  `${kindLabel(workload)}/${workload.namespace}/${workload.name}`

export function createWorkloads({ clock, summarize, onChange }: WorkloadsOptions): Workloads {
  const workloads = new Map<string, Workload>()
  /** Keys from before the last `relist` that no list has shown since. */
  let unseen = new Set<string>()

  function put(object: ApiObject): void {
    const { namespace = '', name = '', uid, resourceVersion } = object.metadata ?? {}
    const { kind, apiVersion } = object
    const key = keyOf({ kind, apiVersion, namespace, name })
    const before = workloads.get(key)
    unseen.delete(key)
    // An event that was under way during our write shows the object before it.
    if (before && before.summary.uid === uid && isOlder(resourceVersion, before.summary.resourceVersion))
      return
    // One that is about to go needs nothing more: a finalizer may keep a deleted Job for hours.
    const now = object.metadata?.deletionTimestamp === undefined ? summarize(object) : undefined
    if (!now) {
      remove({ kind, apiVersion, namespace, name })
      return
    }
    const last = before && isSameSpec(before.summary, now) ? before.running : undefined
    workloads.set(key, { key, summary: now, running: runningRollout(last, now, clock.now()) })
    onChange(key, before)
  }

  function remove(workload: WorkloadName): void {
    const key = keyOf(workload)
    const last = workloads.get(key)
    unseen.delete(key)
    if (workloads.delete(key)) onChange(key, last)
  }

  return {
    get: (key) => workloads.get(key),
    all: () => workloads.values(),
    size: () => workloads.size,
    put,
    remove,
    relist() {
      unseen = new Set(workloads.keys())
    },
    listener(row) {
      // The items of a list have neither.
      const type = { apiVersion: row.apiVersion, kind: row.kind }
      return {
        changed: (object) => put({ ...object, ...type }),
        removed: (namespace, name) => remove({ ...type, namespace, name }),
        listed() {
          for (const key of unseen) {
            const { summary } = workloads.get(key) ?? {}
            if (summary && workloadKindOf(summary) === row) remove(summary)
          }
        },
      }
    },
  }
}

/** Whether both describe the same object with the same spec. */
export const isSameSpec = (a: WorkloadSummary, b: WorkloadSummary): boolean =>
  a.uid === b.uid && a.generation === b.generation

/** The resourceVersions of one resource are growing numbers (KEP-5504; etcd's always were). Other texts are not compared. */
function isOlder(a: string | undefined, b: string | undefined): boolean {
  const [left, right] = [Number(a), Number(b)]
  return Number.isSafeInteger(left) && Number.isSafeInteger(right) && left < right
}
