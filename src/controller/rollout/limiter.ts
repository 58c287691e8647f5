/** Limits how many rollouts are in progress at once, and wakes the workloads that wait for their turn. */

export interface RolloutLimits {
  /** 0: no limit. */
  total: number
  /** 0: no limit. */
  perNamespace: number
}

/** Enough for several teams at once, and few enough that a ConfigMap which all of them use does not restart everything in one minute. */
export const defaultRolloutLimits: RolloutLimits = { total: 20, perNamespace: 5 }

/** Workloads are named by their key. */
export interface RolloutLimiter {
  /** Whether one more rollout may begin in this namespace. */
  isAvailable(namespace: string): boolean
  acquire(key: string, namespace: string): void
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
  /** Key -> namespace. */
  const running = new Map<string, string>()
  const counts = new Map<string, number>()
  const count = (namespace: string, by: number) => {
    const now = (counts.get(namespace) ?? 0) + by
    if (now > 0) counts.set(namespace, now)
    else counts.delete(namespace)
  }
  const isAvailable = (namespace: string) =>
    (total === 0 || running.size < total) &&
    (perNamespace === 0 || (counts.get(namespace) ?? 0) < perNamespace)

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
    acquire(key, namespace) {
      if (running.has(key)) return
      running.set(key, namespace)
      count(namespace, 1)
    },
    release(key) {
      const namespace = running.get(key)
      if (namespace === undefined) return
      running.delete(key)
      count(namespace, -1)
      wakeNext()
    },
    isInProgress: (key) => running.has(key),
    inProgress: () => running.size,
  }
}
