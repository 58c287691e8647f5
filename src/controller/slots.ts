/** Limits on rollouts that are under way at once. Pure, apart from what it remembers. */

export interface SlotLimits {
  /** 0: no limit. */
  total: number
  perNamespace: number
}

/** Enough for a cluster's teams at once, few enough that a ConfigMap shared by all of them does not restart everything in one minute. */
export const defaultSlotLimits: SlotLimits = { total: 20, perNamespace: 5 }

export interface Slots {
  hasRoom(namespace: string): boolean
  take(key: string, namespace: string): void
  /** Whether it held one. */
  free(key: string): boolean
  holds(key: string): boolean
  taken(): number
}

export function createSlots({ total, perNamespace }: SlotLimits): Slots {
  const held = new Map<string, string>()
  const perName = new Map<string, number>()
  const count = (namespace: string, by: number) => {
    const now = (perName.get(namespace) ?? 0) + by
    if (now > 0) perName.set(namespace, now)
    else perName.delete(namespace)
  }
  return {
    hasRoom: (namespace) =>
      (total === 0 || held.size < total) &&
      (perNamespace === 0 || (perName.get(namespace) ?? 0) < perNamespace),
    take(key, namespace) {
      if (held.has(key)) return
      held.set(key, namespace)
      count(namespace, 1)
    },
    free(key) {
      const namespace = held.get(key)
      if (namespace === undefined) return false
      held.delete(key)
      count(namespace, -1)
      return true
    },
    holds: (key) => held.has(key),
    taken: () => held.size,
  }
}
