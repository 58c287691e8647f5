/**
 * Secrets are followed as far as we may: all of them, or those of each namespace that lets us. Without any right the controller works as
 * well, and knows of no Secret's change.
 */
import type { Follow, Following, Observer } from './api.ts'

export interface SecretWatches {
  /** A workload of this namespace uses a Secret. */
  need(namespace: string): void
  names(namespace: string): Iterable<string>
  followings(): Following[]
  stop(): void
}

export function createSecretWatches(
  follow: Follow,
  observer: Pick<Observer, 'changed' | 'removed'>,
  onRefused: () => void,
): SecretWatches {
  const needed = new Set<string>()
  const perNamespace = new Map<string, Following>()
  let everywhere: 'unknown' | 'allowed' | 'refused' = 'unknown'

  const whole = follow(
    { path: '/api/v1/secrets', metadataOnly: true },
    {
      ...observer,
      listed() {
        everywhere = 'allowed'
        for (const following of perNamespace.values()) following.stop()
        perNamespace.clear()
      },
      refused() {
        if (everywhere !== 'refused') onRefused()
        everywhere = 'refused'
        for (const namespace of needed) followOne(namespace)
      },
    },
  )

  function followOne(namespace: string): void {
    if (perNamespace.has(namespace)) return
    const collection = { path: `/api/v1/namespaces/${namespace}/secrets`, metadataOnly: true }
    perNamespace.set(namespace, follow(collection, { ...observer, listed() {}, refused() {} }))
  }

  return {
    need(namespace) {
      needed.add(namespace)
      if (everywhere === 'refused') followOne(namespace)
    },
    names: (namespace) => (perNamespace.get(namespace) ?? whole).names(namespace),
    followings: () => [whole, ...perNamespace.values()],
    stop() {
      whole.stop()
      for (const following of perNamespace.values()) following.stop()
    },
  }
}
