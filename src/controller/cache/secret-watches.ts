/**
 * Watches Secrets as far as RBAC allows: those of the whole cluster, or else those of each namespace in which a workload uses some. Without any
 * right the controller works as well, and notices no Secret's change.
 */
import type { Listener, Watch, WatchCollection } from '../../api/api.ts'

export interface SecretWatches {
  start(): void
  /** Replaces the set of namespaces in which `user` uses Secrets. */
  use(user: string, namespaces: ReadonlySet<string>): void
  names(namespace: string): Iterable<string>
  watches(): Watch[]
  stop(): void
}

export interface SecretWatchesOptions {
  watchCollection: WatchCollection
  /** False: only those of each namespace in use, whatever RBAC allows. */
  isClusterWide: boolean
  listener: Pick<Listener, 'changed' | 'removed'>
  /** The API server refuses to list the Secrets of the whole cluster. */
  onRefused: () => void
}

export function createSecretWatches({
  watchCollection,
  isClusterWide,
  listener,
  onRefused,
}: SecretWatchesOptions): SecretWatches {
  /** Namespace -> its users. The watch ends with the last one: clusters create and delete namespaces all day. */
  const usersOf = new Map<string, Set<string>>()
  const namespacesOf = new Map<string, ReadonlySet<string>>()
  const byNamespace = new Map<string, Watch | undefined>()
  let wholeCluster: Watch | undefined
  let isRefused = !isClusterWide

  const wholeClusterListener: Listener = {
    ...listener,
    listed() {
      isRefused = false
      for (const watch of byNamespace.values()) watch?.stop()
      byNamespace.clear()
    },
    refused() {
      if (!isRefused) onRefused()
      isRefused = true
      for (const namespace of usersOf.keys()) watchNamespace(namespace)
    },
  }

  function watchNamespace(namespace: string): void {
    if (byNamespace.has(namespace)) return
    // Reserved, because the listener may call `use` before watchCollection returns.
    byNamespace.set(namespace, undefined)
    const collection = { path: `/api/v1/namespaces/${namespace}/secrets`, metadataOnly: true }
    byNamespace.set(namespace, watchCollection(collection, { ...listener, listed() {}, refused() {} }))
  }

  function removeUser(namespace: string, user: string): void {
    const users = usersOf.get(namespace)
    users?.delete(user)
    if (users?.size !== 0) return
    usersOf.delete(namespace)
    byNamespace.get(namespace)?.stop()
    byNamespace.delete(namespace)
  }

  const watches = (): Watch[] =>
    [wholeCluster, ...byNamespace.values()].filter((watch) => watch !== undefined)
  return {
    start() {
      if (!isClusterWide) return
      wholeCluster = watchCollection({ path: '/api/v1/secrets', metadataOnly: true }, wholeClusterListener)
    },
    use(user, namespaces) {
      for (const namespace of namespaces) {
        usersOf.set(namespace, (usersOf.get(namespace) ?? new Set()).add(user))
        if (isRefused) watchNamespace(namespace)
      }
      const before = namespacesOf.get(user) ?? new Set()
      if (namespaces.size > 0) namespacesOf.set(user, namespaces)
      else namespacesOf.delete(user)
      for (const namespace of before) if (!namespaces.has(namespace)) removeUser(namespace, user)
    },
    names: (namespace) => (byNamespace.get(namespace) ?? wholeCluster)?.names(namespace) ?? [],
    watches,
    stop() {
      for (const watch of watches()) watch.stop()
    },
  }
}
