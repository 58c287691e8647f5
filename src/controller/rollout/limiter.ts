/** Limits on rollouts that are under way at once, and who waits for room. */

export interface RolloutLimits {
  /** 0: no limit. */
  total: number
  perNamespace: number
}

/** Enough for a cluster's teams at once, few enough that a ConfigMap shared by all of them does not restart everything in one minute. */
export const defaultRolloutLimits: RolloutLimits = { total: 20, perNamespace: 5 }

export interface RolloutLimiter {
  isAvailable(namespace: string): boolean
  acquire(key: string, namespace: string): void
  /** Where it held one, who waits longest and has room now is woken. */
  release(key: string): void
  wait(key: string, namespace: string): void
  cancel(key: string): void
  /** One at a time: who is woken and needs no room any more wakes the next. */
  wakeNext(): void
  holds(key: string): boolean
  inProgress(): number
}

export function createRolloutLimiter(
  { total, perNamespace }: RolloutLimits,
  wake: (key: string) => void,
): RolloutLimiter {
  /** In the order in which they came: workload -> namespace. */
  const waiting = new Map<string, string>()
  const held = new Map<string, string>()
  const perName = new Map<string, number>()
  const count = (namespace: string, by: number) => {
    const now = (perName.get(namespace) ?? 0) + by
    if (now > 0) perName.set(namespace, now)
    else perName.delete(namespace)
  }
  const isAvailable = (namespace: string) =>
    (total === 0 || held.size < total) && (perNamespace === 0 || (perName.get(namespace) ?? 0) < perNamespace)

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
      if (held.has(key)) return
      held.set(key, namespace)
      count(namespace, 1)
    },
    release(key) {
      const namespace = held.get(key)
      if (namespace === undefined) return
      held.delete(key)
      count(namespace, -1)
      wakeNext()
    },
    holds: (key) => held.has(key),
    inProgress: () => held.size,
  }
}
