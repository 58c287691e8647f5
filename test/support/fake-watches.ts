/** Watches without an API server: a test reports objects to the listener of a path. */
import { expect } from 'vitest'
import type { Listener, Watch, WatchCollection } from '../../src/api/api.ts'

export interface FakeWatches {
  watchCollection: WatchCollection
  /** Paths that are watched now. */
  watched: () => string[]
  listener: (path: string) => Listener
  /** Path -> names of the objects there. */
  names: Map<string, string[]>
}

/** @param onWatch runs before a watch is returned */
export function fakeWatches(onWatch = (_path: string, _listener: Listener): void => {}): FakeWatches {
  const listeners = new Map<string, Listener>()
  const names = new Map<string, string[]>()
  return {
    watchCollection({ path }, listener): Watch {
      listeners.set(path, listener)
      onWatch(path, listener)
      return {
        names: () => names.get(path) ?? [],
        lastProgress: () => 0,
        stop() {
          if (listeners.get(path) === listener) listeners.delete(path)
        },
      }
    },
    watched: () => [...listeners.keys()],
    listener: (path) => listeners.get(path) ?? expect.fail(`no watch of ${path}`),
    names,
  }
}
