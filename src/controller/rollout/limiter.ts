/** Limits how many Pods rollouts replace at once, and wakes the workloads that wait for their turn (docs/decisions/0007). */

export interface RolloutLimits {
  /** No rollout begins while so many Pods are being replaced. 0: no limit. */
  total: number
  /** The same, of the Pods of one namespace. */
  perNamespace: number
}

/**
 * With one workload's Pods on top, less than the 110 that a kubelet runs by default (maxPods): no node's worth restarts at once. A namespace
 * leaves room for others.
 */
export const defaultRolloutLimits: RolloutLimits = { total: 60, perNamespace: 50 }

/** Workloads are named by their key. */
export interface RolloutLimiter {
  /** Whether one more rollout may begin in this namespace. */
  isAvailable(namespace: string): boolean
  /** Counts a rollout, and wakes the next workload if there is room left. @param pods that it replaces at once */
  acquire(key: string, namespace: string, pods: number): void
  /** Ends a rollout, if one is in progress, and wakes the workload that has waited longest and may begin now. */
  release(key: string): void
  /** Has the workload woken when it may begin. */
  wait(key: string, namespace: string): void
  /** The workload waits no longer. */
  cancel(key: string): void
  /** Wakes one workload. A woken workload that begins no rollout wakes the next. */
  wakeNext(): void
  isInProgress(key: string): boolean
  /** How many rollouts are in progress. */
  inProgress(): number
}

export function createRolloutLimiter(
  { total, perNamespace }: RolloutLimits,
  wake: (key: string) => void,
): RolloutLimiter {
  /** Key -> namespace, the longest waiting first. */
  const waiting = new Map<string, string>()
  const running = new Map<string, { namespace: string; pods: number }>()
  let allPods = 0
  const podsOf = new Map<string, number>()
  const count = (namespace: string, by: number) => {
    allPods += by
    const now = (podsOf.get(namespace) ?? 0) + by
    if (now > 0) podsOf.set(namespace, now)
    else podsOf.delete(namespace)
  }
  const isAvailable = (namespace: string) =>
    (total === 0 || allPods < total) && (perNamespace === 0 || (podsOf.get(namespace) ?? 0) < perNamespace)

  function wakeNext(): void {
    for (const [key, namespace] of waiting)
      if (isAvailable(namespace)) {
        waiting.delete(key)
        wake(key)
        return
      }
  }

  return {
    isAvailable,
    wait: (key, namespace) => waiting.set(key, namespace),
    cancel: (key) => waiting.delete(key),
    wakeNext,
    acquire(key, namespace, pods) {
      if (running.has(key)) return
      // Even a workload without Pods is work for its controller.
      const counted = Math.max(1, pods)
      running.set(key, { namespace, pods: counted })
      count(namespace, counted)
      wakeNext()
    },
    release(key) {
      const last = running.get(key)
      if (!last) return
      running.delete(key)
      count(last.namespace, -last.pods)
      wakeNext()
    },
    isInProgress: (key) => running.has(key),
    inProgress: () => running.size,
  }
}
