/**
 * An informer: it lists a collection in pages, then watches it with bookmarks from the list's resourceVersion. After a connection reset it
 * resumes the watch, and lists again only when the server has forgotten that version (410 Gone). Of each object it keeps the name and the
 * resourceVersion. client-node's informer keeps whole objects, and ends at a connection reset or an exception of its handler.
 */
import { StringDecoder } from 'node:string_decoder'
import type { Collection, Listener, Watch } from '../api/api.ts'
import { readPage } from '../api/list.ts'
import { asList, asObject } from '../api/response-body.ts'
import { systemClock } from '../async/clock.ts'
import type { ApiObject } from '../workload/pod-template.ts'
import type { KubeClient } from './client.ts'

export interface WatchOptions {
  /** Receives each failure as a constant message and fields. */
  onTrouble?: (message: string, fields: Record<string, unknown>) => void
  /** The delay before the first retry; each further one is twice as long, up to MAX_RETRY_MILLISECONDS. */
  retryMilliseconds?: number
  /** Objects per page: by default 100 as metadata, 20 as whole objects. The heap grows by a page's bytes, text and objects, and never shrinks. */
  pageSize?: number
  idleMilliseconds?: number
}

const MAX_RETRY_MILLISECONDS = 30_000
/** A missing right or kind may be added later, and nothing waits for it. Each further delay in a row is twice as long. */
const REFUSED_RETRY_MILLISECONDS = 60_000
const MAX_REFUSED_RETRY_MILLISECONDS = 300_000
/** Bookmarks arrive about every minute (k8s.io/apiserver cacher, bookmarkFrequency), so a silence of 2.5 minutes means a dead connection. */
const IDLE_MILLISECONDS = 150_000
/** A watch that ends sooner counts as failed. */
const BRIEF_MILLISECONDS = 1_000
const LIST_TIMEOUT_MILLISECONDS = 60_000

const METADATA = 'PartialObjectMetadata'
const acceptOf = (kind: string) => `application/json;as=${kind};g=meta.k8s.io;v=v1,application/json`

export function watchCollection(
  client: KubeClient,
  collection: Collection,
  listener: Listener,
  options: WatchOptions = {},
): Watch {
  const ended = new AbortController()
  /** Namespace -> name -> resourceVersion. */
  const known = new Map<string, Map<string, string>>()
  /** The watch starts from this version; undefined: list first. */
  let version: string | undefined
  let progress = systemClock.now()
  /** In a row; any event resets it. */
  let failures = 0
  /** Lists refused in a row. */
  let refusals = 0

  const trouble = (message: string, fields: Record<string, unknown> = {}) =>
    options.onTrouble?.(message, { path: collection.path, ...fields })
  const notify = (run: () => void) => {
    // A list that is still under way after `stop` shows an older state than the watch that replaced this one.
    if (ended.signal.aborted) return
    try {
      run()
    } catch (error) {
      trouble('an object could not be processed', { error: error instanceof Error ? error.name : 'unknown' })
    }
  }
  /** The name is stored first: the listener may ask for all names. */
  const put = (object: ApiObject) => {
    const { namespace = '', name = '', resourceVersion = '' } = object.metadata ?? {}
    const names = known.get(namespace) ?? new Map<string, string>()
    const before = names.get(name)
    known.set(namespace, names.set(name, resourceVersion))
    if (before !== resourceVersion) notify(() => listener.changed(object, before !== undefined))
  }
  const forget = (namespace: string, name: string) => {
    const names = known.get(namespace)
    if (!names?.delete(name)) return
    if (names.size === 0) known.delete(namespace)
    notify(() => listener.removed(namespace, name))
  }

  /** @returns the status, where the API server refuses the list */
  async function list(): Promise<number | undefined> {
    const listed = new Set<string>()
    const call = {
      path: collection.path,
      accept: collection.metadataOnly ? acceptOf(`${METADATA}List`) : 'application/json',
      timeoutMilliseconds: LIST_TIMEOUT_MILLISECONDS,
    }
    const limit = options.pageSize ?? (collection.metadataOnly ? 100 : 20)
    let token = ''
    let at: string | undefined
    do {
      const { status, body } = await readPage(client, call, limit, token)
      progress = systemClock.now()
      if (status === 403 || status === 404) return status
      if (status !== 200) throw new Error(`list answered ${status}`)
      const { items, continueToken, resourceVersion } = asList(body)
      for (const item of items) {
        listed.add(`${item.metadata?.namespace ?? ''}/${item.metadata?.name}`)
        put(item)
      }
      token = continueToken
      at = resourceVersion
    } while (token !== '')
    for (const [namespace, names] of known)
      for (const name of names.keys()) if (!listed.has(`${namespace}/${name}`)) forget(namespace, name)
    // Only after the last page: a watch from an incomplete list would never report the objects on the missing pages.
    version = at
    notify(() => listener.listed())
    return undefined
  }

  function processEvent(line: string): void {
    const { type, ...event } = JSON.parse(line) as { type: string; object: unknown }
    const object = asObject(event.object)
    if (type === 'ERROR') {
      // Whether the version is forgotten or the server names no reason, a new list recovers.
      version = undefined
      throw new Error(`watch ended with ${String(object['code'])}`)
    }
    failures = 0
    version = object.metadata?.resourceVersion ?? version
    if (type === 'DELETED') forget(object.metadata?.namespace ?? '', object.metadata?.name ?? '')
    else if (type !== 'BOOKMARK') put(object)
  }

  async function watchOnce(): Promise<void> {
    const silence = new AbortController()
    const idle = setTimeout(() => silence.abort(), options.idleMilliseconds ?? IDLE_MILLISECONDS)
    try {
      const seconds = 300 + Math.floor(Math.random() * 300)
      const path = `${collection.path}?watch=1&allowWatchBookmarks=true&timeoutSeconds=${seconds}&resourceVersion=${version}`
      const accept = collection.metadataOnly ? acceptOf(METADATA) : 'application/json'
      const signal = AbortSignal.any([ended.signal, silence.signal])
      const { status, parts } = await client.stream({ method: 'GET', path, accept }, signal)
      // The version is forgotten; or the right, or the kind, is gone, which a list reports.
      if ([410, 403, 404].includes(status)) version = undefined
      const processPart = createLineSplitter(processEvent)
      for await (const part of parts) {
        idle.refresh()
        progress = systemClock.now()
        if (status === 200) processPart(part)
      }
      if (status !== 200) throw new Error(`watch answered ${status}`)
    } finally {
      clearTimeout(idle)
    }
  }

  async function run(): Promise<void> {
    while (!ended.signal.aborted) {
      progress = systemClock.now()
      let delay = 0
      try {
        const refused = version === undefined ? await list() : undefined
        if (refused === undefined) {
          refusals = 0
          const startedAt = systemClock.now()
          await watchOnce()
          // A proxy that closes each watch at once must not turn this loop into a busy loop against the API server.
          if (systemClock.now() - startedAt < BRIEF_MILLISECONDS) throw new Error('watch ended at once')
        } else {
          notify(() => listener.refused(refused))
          delay = Math.min(MAX_REFUSED_RETRY_MILLISECONDS, REFUSED_RETRY_MILLISECONDS * 2 ** refusals)
          refusals = Math.min(refusals + 1, 20)
        }
      } catch (error) {
        if (ended.signal.aborted) return
        delay = Math.min(MAX_RETRY_MILLISECONDS, (options.retryMilliseconds ?? 250) * 2 ** failures)
        failures = Math.min(failures + 1, 20)
        trouble('a watch was interrupted', { error: error instanceof Error ? error.message : 'unknown' })
      }
      // Half of the delay is random, so that the replicas' watches don't reconnect at the same moment.
      if (delay > 0) await sleep(delay * (0.5 + Math.random() / 2), ended.signal)
    }
  }

  void run()
  return {
    names: (namespace) => known.get(namespace)?.keys() ?? [],
    lastProgress: () => progress,
    stop: () => ended.abort(),
  }
}

/**
 * Takes a stream in parts, wipes each, and calls back with each complete line that is not empty. A loop that did the same would keep its last
 * part in memory during the wait for the next: a Secret's last-applied annotation, say.
 */
function createLineSplitter(onLine: (line: string) => void): (part: Buffer) => void {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  return (part) => {
    const lines = (rest + decoder.write(part)).split('\n')
    part.fill(0)
    rest = lines.pop() ?? ''
    for (const line of lines) if (line !== '') onLine(line)
  }
}

/** Resolves early when `signal` is aborted. */
function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, milliseconds)
    signal.addEventListener('abort', done)
    function done(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
  })
}
