/** Which collections have been listed once, and which of them the API server refuses. */
import type { Listener } from '../../api/api.ts'

export interface ListProgress {
  /** The part of a collection's listener that keeps its progress. */
  of(collection: string): Pick<Listener, 'listed' | 'refused'>
  /** Whether every collection has been listed or refused once. */
  isSynced(): boolean
  /** Whether no list is refused: only then an object that is not in the cache does not exist. */
  isComplete(): boolean
}

export interface ListProgressOptions {
  collections: Iterable<string>
  onSynced: () => void
  /** Not called for 404: a kind that the cluster does not have needs no mention. */
  onRefused: (collection: string, status: number, namespace?: string) => void
}

export function createListProgress({ collections, onSynced, onRefused }: ListProgressOptions): ListProgress {
  const pending = new Set(collections)
  /** Not for good: an API server that has just started refuses for a moment what it allows later. */
  const refused = new Set<string>()
  const answered = (collection: string): void => {
    if (pending.delete(collection) && pending.size === 0) onSynced()
  }
  return {
    of: (collection) => ({
      listed() {
        refused.delete(collection)
        answered(collection)
      },
      refused(status, namespace) {
        if (status !== 404) {
          refused.add(collection)
          onRefused(collection, status, namespace)
        }
        answered(collection)
      },
    }),
    isSynced: () => pending.size === 0,
    isComplete: () => refused.size === 0,
  }
}
