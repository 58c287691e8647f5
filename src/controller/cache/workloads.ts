/** The workloads that ask for something, as summary. Everything else passes by and leaves nothing behind. */

import type { Listener } from '../../api/api.ts'
import type { Clock } from '../../async/clock.ts'
import { kindLabel, type TypeMeta, type WorkloadKind, workloadKindOf } from '../../workload/kinds.ts'
import type { ApiObject } from '../../workload/pod-template.ts'
import type { WorkloadSummary } from '../decide/workload-summary.ts'

export interface Workload {
  key: string
  summary: WorkloadSummary
  /** Since when its present rollout is known; undefined: none is running. */
  runningSince: number | undefined
}

export interface WorkloadsOptions {
  clock: Clock
  summary: (object: ApiObject) => WorkloadSummary | undefined
  /** New, changed, or gone: then `get` gives nothing. `last` is what it was. */
  onChange: (key: string, last: Workload | undefined) => void
}

export interface Workloads {
  get(key: string): Workload | undefined
  all(): Iterable<Workload>
  size(): number
  /** An object as the API server has it now: from a watch, or the answer to a write of ours. */
  put(object: ApiObject): void
  remove(workload: WorkloadName): void
  /** They are listed once more, by new listeners: who is not among a kind's list is gone. */
  relist(): void
  listener(kind: WorkloadKind, onListed: () => void, onRefused: (status: number) => void): Listener
}

type WorkloadName = TypeMeta & { namespace: string; name: string }

const keyOf = (workload: WorkloadName): string =>
  `${kindLabel(workload)}/${workload.namespace}/${workload.name}`

export function createWorkloads({ clock, summary, onChange }: WorkloadsOptions): Workloads {
  const workloads = new Map<string, Workload>()
  /** Of before the last `relist`. */
  let unseen = new Set<string>()

  function put(object: ApiObject): void {
    const { namespace = '', name = '', uid, resourceVersion } = object.metadata ?? {}
    const { kind, apiVersion } = object
    const key = keyOf({ kind, apiVersion, namespace, name })
    const before = workloads.get(key)
    unseen.delete(key)
    // An event that was on its way while we wrote shows the object before our write.
    if (before && before.summary.uid === uid && isOlder(resourceVersion, before.summary.resourceVersion))
      return
    const now = summary(object)
    if (!now) {
      remove({ kind, apiVersion, namespace, name })
      return
    }
    const since = before && isSameSpec(before.summary, now) ? before.runningSince : undefined
    const runningSince = now.progress === 'running' ? (since ?? clock.now()) : undefined
    workloads.set(key, { key, summary: now, runningSince })
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
    listener(row, onListed, onRefused) {
      // Items of a list have neither.
      const type = { apiVersion: row.apiVersion, kind: row.kind }
      return {
        changed: (object) => put({ ...object, ...type }),
        removed: (namespace, name) => remove({ ...type, namespace, name }),
        listed() {
          for (const key of unseen) {
            const { summary } = workloads.get(key) ?? {}
            if (summary && workloadKindOf(summary) === row) remove(summary)
          }
          onListed()
        },
        refused: onRefused,
      }
    },
  }
}

/** Whether nobody has asked for anything else, or for another object of this name. */
export const isSameSpec = (a: WorkloadSummary, b: WorkloadSummary): boolean =>
  a.uid === b.uid && a.generation === b.generation

/** resourceVersions of one resource are numbers that grow (KEP-5504; of etcd they always were). Anything else is not compared. */
function isOlder(a: string | undefined, b: string | undefined): boolean {
  const [left, right] = [Number(a), Number(b)]
  return Number.isSafeInteger(left) && Number.isSafeInteger(right) && left < right
}
