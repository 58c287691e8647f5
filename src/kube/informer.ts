/**
 * Follows a collection for good: a paged list, then a watch with bookmarks from where the list was, again after every reset, and a new
 * list only where the server has forgotten that place (410 Gone). Of each object only its name and resourceVersion are kept here.
 * client-node's informer is not used: it keeps whole objects, and ends at a connection reset or an exception of its handler.
 */
import { StringDecoder } from 'node:string_decoder'
import type { ApiResponse, Collection, Listener, Watch } from '../api/api.ts'
import type { ApiObject } from '../workload/pod-template.ts'
import { AnswerTooLarge, type KubeClient } from './client.ts'

export interface WatchOptions {
  /** Told of what went wrong, in a constant message and fields. */
  onTrouble?: (message: string, fields: Record<string, unknown>) => void
  /** The first delay of a retry; each further one is twice as long, up to MAX_RETRY_MILLISECONDS. */
  retryMilliseconds?: number
  /** Objects of one page; by default 100 of metadata, 20 whole ones: what a page takes as bytes, text and objects is never given back. */
  pageSize?: number
  idleMilliseconds?: number
}

const MAX_RETRY_MILLISECONDS = 30_000
/** A right or a kind that is not there may be given later; nobody waits for it. */
const REFUSED_RETRY_MILLISECONDS = 60_000
/** Bookmarks come about every minute (k8s.io/apiserver cacher, bookmarkFrequency): silence of two and a half is a dead connection. */
const IDLE_MILLISECONDS = 150_000
const BRIEF_MILLISECONDS = 1_000
const LIST_TIMEOUT_MILLISECONDS = 60_000

const METADATA = 'PartialObjectMetadata'
const acceptOf = (kind: string) => `application/json;as=${kind};g=meta.k8s.io;v=v1,application/json`

type Known = Map<string, Map<string, string>>

export function watchCollection(
  client: KubeClient,
  collection: Collection,
  listener: Listener,
  options: WatchOptions = {},
): Watch {
  const ended = new AbortController()
  const known: Known = new Map()
  /** Where to go on; undefined: list first. */
  let version: string | undefined
  let progress = Date.now()
  /** In a row: anything that arrives sets it back. */
  let failures = 0

  const trouble = (message: string, fields: Record<string, unknown> = {}) =>
    options.onTrouble?.(message, { path: collection.path, ...fields })
  const guarded = (tell: () => void) => {
    // A list that was under way when it was stopped knows an older state than who took its place.
    if (ended.signal.aborted) return
    try {
      tell()
    } catch (error) {
      trouble('an object could not be looked at', { error: error instanceof Error ? error.name : 'unknown' })
    }
  }
  /** Known first, then told: whoever is told of a name may ask for all of them. */
  const put = (object: ApiObject) => {
    const { namespace = '', name = '', resourceVersion = '' } = object.metadata ?? {}
    const names = known.get(namespace) ?? new Map<string, string>()
    const before = names.get(name)
    known.set(namespace, names.set(name, resourceVersion))
    if (before !== resourceVersion) guarded(() => listener.changed(object))
  }
  const forget = (namespace: string, name: string) => {
    const names = known.get(namespace)
    if (!names?.delete(name)) return
    if (names.size === 0) known.delete(namespace)
    guarded(() => listener.removed(namespace, name))
  }

  async function page(token: string, limit: number): Promise<ApiResponse> {
    const path = `${collection.path}?limit=${limit}${token && `&continue=${encodeURIComponent(token)}`}`
    const accept = collection.metadataOnly ? acceptOf(`${METADATA}List`) : 'application/json'
    const call = { method: 'GET', path, accept, timeoutMilliseconds: LIST_TIMEOUT_MILLISECONDS } as const
    try {
      return await client.call(call)
    } catch (error) {
      // Annotations alone may be 256 KiB for each object, and the next try would be no different.
      if (error instanceof AnswerTooLarge && limit > 1) return page(token, Math.ceil(limit / 4))
      throw error
    }
  }

  /** Returns the status where the list was refused. */
  async function list(): Promise<number | undefined> {
    const listed = new Set<string>()
    const limit = options.pageSize ?? (collection.metadataOnly ? 100 : 20)
    let token = ''
    let at: string | undefined
    do {
      const { status, body } = await page(token, limit)
      progress = Date.now()
      if (status === 403 || status === 404) return status
      if (status !== 200) throw new Error(`list answered ${status}`)
      const { metadata, items } = body as { metadata: Record<string, string>; items: ApiObject[] | null }
      for (const item of items ?? []) {
        listed.add(`${item.metadata?.namespace ?? ''}/${item.metadata?.name}`)
        put(item)
      }
      token = metadata['continue'] ?? ''
      at = metadata['resourceVersion']
    } while (token !== '')
    for (const [namespace, names] of known)
      for (const name of names.keys()) if (!listed.has(`${namespace}/${name}`)) forget(namespace, name)
    // Not before: a watch from a list of which a page failed would never tell of what was on the others.
    version = at
    guarded(() => listener.listed())
    return undefined
  }

  function see(line: string): void {
    const { type, object } = JSON.parse(line) as { type: string; object: ApiObject }
    if (type === 'ERROR') {
      // The place is gone, or the server does not say what is wrong: a new list heals both.
      version = undefined
      throw new Error(`watch ended with ${String(object['code'])}`)
    }
    failures = 0
    version = object.metadata?.resourceVersion ?? version
    if (type === 'DELETED') forget(object.metadata?.namespace ?? '', object.metadata?.name ?? '')
    else if (type !== 'BOOKMARK') put(object)
  }

  async function watchOn(): Promise<void> {
    const silent = new AbortController()
    const idle = setTimeout(() => silent.abort(), options.idleMilliseconds ?? IDLE_MILLISECONDS)
    try {
      const seconds = 300 + Math.floor(Math.random() * 300)
      const path = `${collection.path}?watch=1&allowWatchBookmarks=true&timeoutSeconds=${seconds}&resourceVersion=${version}`
      const accept = collection.metadataOnly ? acceptOf(METADATA) : 'application/json'
      const signal = AbortSignal.any([ended.signal, silent.signal])
      const { status, parts } = await client.stream({ method: 'GET', path, accept }, signal)
      if (status === 410 || status === 403) version = undefined
      const decoder = new StringDecoder('utf8')
      let rest = ''
      // Not in the loop itself, which keeps what it has read last while it waits for more: a Secret's last-applied annotation, for example.
      const take = (part: Buffer) => {
        const lines = (rest + decoder.write(part)).split('\n')
        part.fill(0)
        rest = lines.pop() ?? ''
        for (const line of lines) if (line !== '') see(line)
      }
      for await (const part of parts) {
        idle.refresh()
        progress = Date.now()
        if (status === 200) take(part)
      }
      if (status !== 200) throw new Error(`watch answered ${status}`)
    } finally {
      clearTimeout(idle)
    }
  }

  async function run(): Promise<void> {
    while (!ended.signal.aborted) {
      progress = Date.now()
      let delay = 0
      try {
        const refused = version === undefined ? await list() : undefined
        if (refused === undefined) {
          const began = Date.now()
          await watchOn()
          // A proxy that ends each watch at once must not make us ask without a pause.
          if (Date.now() - began < BRIEF_MILLISECONDS) throw new Error('watch ended at once')
        } else {
          guarded(() => listener.refused(refused))
          delay = REFUSED_RETRY_MILLISECONDS
        }
      } catch (error) {
        if (ended.signal.aborted) return
        delay = Math.min(MAX_RETRY_MILLISECONDS, (options.retryMilliseconds ?? 250) * 2 ** failures)
        failures = Math.min(failures + 1, 20)
        trouble('a watch was interrupted', { error: error instanceof Error ? error.message : 'unknown' })
      }
      // Half of it by chance, so that the watches of all replicas don't come back at one moment.
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

/** Ends early, without an error, when `signal` is aborted. */
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
