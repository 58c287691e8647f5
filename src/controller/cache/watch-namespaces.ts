/**
 * Watches named namespaces, each by itself, so that Roles are enough: to list a collection of the whole cluster needs a ClusterRole. The
 * Namespace objects are read one by one, because a list or watch of them, even of a single one, is a request without a namespace.
 */
import type { Api, Listener, Watch, WatchCollection } from '../../api/api.ts'
import { readObject } from '../../api/config-reader.ts'
import { NAMESPACES, pathWithin } from '../../api/paths.ts'
import type { Clock } from '../../async/clock.ts'
import { createQueue, type Requeue } from '../../async/queue.ts'

export interface WatchNamespacesOptions {
  api: Pick<Api, 'call'>
  clock: Clock
  watchCollection: WatchCollection
}

/** Milliseconds between two looks at a Namespace's labels. */
const LOOK_AGAIN = 60_000
const CONCURRENT_READS = 4
/** Milliseconds, so that a watch makes progress before the liveness probe fails. */
const LONGEST_RETRY_DELAY = 30_000

/** The same as `watchCollection`, for what these namespaces hold. */
export function watchNamespaces(
  namespaces: readonly string[],
  options: WatchNamespacesOptions,
): WatchCollection {
  return (collection, listener) => {
    const answersOf = joinAnswers(namespaces, listener)
    if (collection.path === NAMESPACES) return readNamespaces(namespaces, options, listener, answersOf)
    const watches = new Map<string, Watch>()
    for (const namespace of namespaces) {
      const within = { ...collection, path: pathWithin(collection.path, namespace) }
      watches.set(namespace, options.watchCollection(within, { ...listener, ...answersOf(namespace) }))
    }
    return {
      names: (namespace) => watches.get(namespace)?.names(namespace) ?? [],
      lastProgress: () => Math.min(...[...watches.values()].map((watch) => watch.lastProgress())),
      stop() {
        for (const watch of watches.values()) watch.stop()
      },
    }
  }
}

type Answers = Pick<Listener, 'listed' | 'refused'>

/** The collection is listed when all namespaces are, and refused where one refuses. It has no answer before all have theirs. */
function joinAnswers(namespaces: readonly string[], listener: Answers): (namespace: string) => Answers {
  const pending = new Set(namespaces)
  const refusals = new Map<string, number>()
  const answered = (namespace: string): void => {
    const isFirst = pending.delete(namespace)
    if (pending.size > 0) return
    if (refusals.size === 0) listener.listed()
    for (const [name, status] of refusals) if (isFirst || name === namespace) listener.refused(status, name)
  }
  return (namespace) => ({
    listed() {
      refusals.delete(namespace)
      answered(namespace)
    },
    refused(status) {
      refusals.set(namespace, status)
      answered(namespace)
    },
  })
}

function readNamespaces(
  namespaces: readonly string[],
  { api, clock }: WatchNamespacesOptions,
  listener: Listener,
  answersOf: (namespace: string) => Answers,
): Watch {
  /** Name -> resourceVersion. */
  const known = new Map<string, string>()
  let progress = clock.now()
  let isStopped = false
  const queue = createQueue({
    clock,
    concurrency: CONCURRENT_READS,
    run: look,
    onError() {},
    longestRetryDelay: LONGEST_RETRY_DELAY,
  })

  /** Rejects where the API server did not answer, so that the queue tries again. */
  async function look(name: string): Promise<Requeue> {
    const object = await readObject(api, { path: `${NAMESPACES}/${name}` })
    progress = clock.now()
    if (isStopped) return undefined
    if (object === 'unavailable') throw new Error('namespace not readable')
    if (object === 'forbidden') answersOf(name).refused(403)
    else {
      if (object === 'absent') forget(name)
      else put(name, object)
      answersOf(name).listed()
    }
    return LOOK_AGAIN
  }
  const put = (name: string, object: Parameters<Listener['changed']>[0]): void => {
    const { resourceVersion = '' } = object.metadata ?? {}
    const before = known.get(name)
    known.set(name, resourceVersion)
    if (before !== resourceVersion) listener.changed(object)
  }
  const forget = (name: string): void => {
    if (known.delete(name)) listener.removed('', name)
  }

  for (const name of namespaces) queue.add(name)
  return {
    names: () => known.keys(),
    lastProgress: () => progress,
    stop() {
      isStopped = true
      queue.stop()
    },
  }
}
