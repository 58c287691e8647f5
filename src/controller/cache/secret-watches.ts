/**
 * Secrets are followed as far as we may: all of them, or those of each namespace that lets us. Without any right the controller works as
 * well, and knows of no Secret's change.
 */
import type { Listener, Watch, WatchCollection } from '../../api/api.ts'

export interface SecretWatches {
  start(): void
  /** Of which namespaces `user` uses Secrets from now on, instead of those of before. */
  use(user: string, namespaces: ReadonlySet<string>): void
  names(namespace: string): Iterable<string>
  watches(): Watch[]
  stop(): void
}

export function createSecretWatches(
  watchCollection: WatchCollection,
  listener: Pick<Listener, 'changed' | 'removed'>,
  onRefused: () => void,
): SecretWatches {
  /** Namespace -> its users. Without the last one its watch ends: clusters make and delete namespaces all day. */
  const needed = new Map<string, Set<string>>()
  const namespacesOf = new Map<string, ReadonlySet<string>>()
  const perNamespace = new Map<string, Watch>()
  let everywhere: 'unknown' | 'allowed' | 'refused' = 'unknown'

  /** All Secrets; undefined before start. */
  let whole: Watch | undefined

  function followOne(namespace: string): void {
    if (perNamespace.has(namespace)) return
    const collection = { path: `/api/v1/namespaces/${namespace}/secrets`, metadataOnly: true }
    perNamespace.set(namespace, watchCollection(collection, { ...listener, listed() {}, refused() {} }))
  }

  function leave(namespace: string, user: string): void {
    const users = needed.get(namespace)
    users?.delete(user)
    if (users?.size !== 0) return
    needed.delete(namespace)
    perNamespace.get(namespace)?.stop()
    perNamespace.delete(namespace)
  }

  return {
    start() {
      whole = watchCollection(
        { path: '/api/v1/secrets', metadataOnly: true },
        {
          ...listener,
          listed() {
            everywhere = 'allowed'
            for (const following of perNamespace.values()) following.stop()
            perNamespace.clear()
          },
          refused() {
            if (everywhere !== 'refused') onRefused()
            everywhere = 'refused'
            for (const namespace of needed.keys()) followOne(namespace)
          },
        },
      )
    },
    use(user, namespaces) {
      for (const namespace of namespaces) {
        needed.set(namespace, (needed.get(namespace) ?? new Set()).add(user))
        if (everywhere === 'refused') followOne(namespace)
      }
      const before = namespacesOf.get(user) ?? new Set()
      if (namespaces.size > 0) namespacesOf.set(user, namespaces)
      else namespacesOf.delete(user)
      for (const namespace of before) if (!namespaces.has(namespace)) leave(namespace, user)
    },
    names: (namespace) => (perNamespace.get(namespace) ?? whole)?.names(namespace) ?? [],
    watches: () => [...(whole ? [whole] : []), ...perNamespace.values()],
    stop() {
      whole?.stop()
      for (const following of perNamespace.values()) following.stop()
    },
  }
}
