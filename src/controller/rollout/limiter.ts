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
  /** Ends a rollout, if one is in progress, and wakes the next workload that may begin now. */
  release(key: string): void
  /** Has the workload woken when it may begin. */
  wait(key: string, namespace: string): void
  /** The workload waits no longer. */
  cancel(key: string): void
  /** Wakes one workload: of each namespace in turn the one that has waited longest. A woken workload that begins no rollout wakes the next. */
  wakeNext(): void
  isInProgress(key: string): boolean
  /** How many rollouts are in progress. */
  inProgress(): number
}

export function createRolloutLimiter(
  { total, perNamespace }: RolloutLimits,
  wake: (key: string) => void,
): RolloutLimiter {
  /** Namespace -> keys, the longest waiting first. A wake-up looks at namespaces only: thousands of workloads may wait in one that is full. */
  const waiting = new Map<string, Set<string>>()
  const namespaceOf = new Map<string, string>()
  const running = new Map<string, { namespace: string; pods: number }>()
  let allPods = 0
  const podsOf = new Map<string, number>()
  const count = (namespace: string, by: number) => {
    allPods += by
    const now = (podsOf.get(namespace) ?? 0) + by
    if (now > 0) podsOf.set(namespace, now)
    else podsOf.delete(namespace)
  }
  const hasRoom = () => total === 0 || allPods < total
  const isAvailable = (namespace: string) =>
    hasRoom() && (perNamespace === 0 || (podsOf.get(namespace) ?? 0) < perNamespace)

  function cancel(key: string): void {
    const namespace = namespaceOf.get(key)
    if (namespace === undefined) return
    namespaceOf.delete(key)
    const keys = waiting.get(namespace)
    keys?.delete(key)
    if (keys?.size === 0) waiting.delete(namespace)
  }

  function wakeNext(): void {
    if (!hasRoom()) return
    for (const [namespace, keys] of waiting) {
      const [key] = keys
      if (key === undefined || !isAvailable(namespace)) continue
      waiting.delete(namespace)
      waiting.set(namespace, keys)
      cancel(key)
      wake(key)
      return
    }
  }

  return {
    isAvailable,
    wait(key, namespace) {
      namespaceOf.set(key, namespace)
      waiting.set(namespace, (waiting.get(namespace) ?? new Set()).add(key))
    },
    cancel,
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
