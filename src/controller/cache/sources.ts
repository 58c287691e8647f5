/**
 * The ConfigMaps and Secrets that some workload uses: what they hold, as hashes. Contents are read when an object has changed, hashed for
 * the keys in use, and let go.
 */

import type { Clock } from '../../async/clock.ts'
import { createQueue } from '../../async/queue.ts'
import { type Observation, observe } from '../../checksum/expected-checksums.ts'
import type { SourceMarks } from '../../compat/reload-request.ts'
import { type InstallKey } from '../../workload/checksum.ts'
import type { ConfigContent, Unreadable } from '../../workload/source-content.ts'
import { keysetOf, refId, type SourceRef, type Use } from '../../workload/sources-in-use.ts'
import type { SourceState } from '../decide/source-diff.ts'

/** One look at an object. */
export interface SourceReading {
  content: ConfigContent | Unreadable
  /** Its resourceVersion; empty where there is no object. */
  version: string
  marks: SourceMarks
  /** `hotreload.dev/pause` */
  isPaused: boolean
}

export interface SourcesOptions {
  clock: Clock
  /** Never rejects. */
  read: (source: SourceRef) => Promise<SourceReading>
  installKey: () => InstallKey | undefined
  /** A first reading, or one that says something else: who uses it should be looked at. `keysets` are those that changed in content. */
  onChange: (source: SourceRef, users: ReadonlySet<string>, keysets: ReadonlySet<string>) => void
}

export interface Sources {
  /** What `user` uses from now on, instead of what it used. */
  use(user: string, uses: readonly Use[]): void
  /** An object was seen in this version by a watch; undefined: it is gone. */
  seen(source: SourceRef, version: string | undefined): void
  state(use: Use): SourceState
  size(): number
  stop(): void
}

interface Entry {
  ref: SourceRef
  users: Set<string>
  /** By keyset. */
  observed: Map<string, Observation>
  /** Of the last reading; undefined: none yet, or a newer one is needed. */
  version: string | undefined
  marks: SourceMarks
  isPaused: boolean
}

/** The API server has hundreds of places for us (max-requests-inflight, 400), and others' requests go first. */
const CONCURRENT_READS = 16
/** Milliseconds: what could not be read is tried again, each time after twice as long, since an API server without room gets none so. */
const LAST_RETRY = 30_000
/** Until it is looked whether the install key is there. */
const RETRY_KEY = 1_000
const RETRY_FORBIDDEN = 300_000

const unmarked: SourceMarks = { ignored: false, match: false }

export function createSources({ clock, read, installKey, onChange }: SourcesOptions): Sources {
  const entries = new Map<string, Entry>()
  const usesOf = new Map<string, readonly Use[]>()
  const queue = createQueue({
    clock,
    concurrency: CONCURRENT_READS,
    run: refresh,
    onError() {},
    lastRetry: LAST_RETRY,
  })

  /** Rejects where it could not be read, and is to be tried again. */
  async function refresh(id: string): Promise<void> {
    const entry = entries.get(id)
    if (!entry) return
    // Without the key a Secret has no hash, so that it need not be read yet.
    const early = entry.ref.kind === 'Secret' && installKey() === undefined
    const { content, version, marks, isPaused } = early ? notYet(entry) : await read(entry.ref)
    const before = entry.observed
    const after = new Map<string, Observation>()
    for (const use of usesOfEntry(id, entry)) {
      const keyset = keysetOf(use)
      if (!after.has(keyset)) after.set(keyset, observation(use, content, installKey()))
    }
    const changed = new Set(
      [...after.keys()].filter((keyset) => !same(before.get(keyset), after.get(keyset))),
    )
    const flagged =
      marks.ignored !== entry.marks.ignored ||
      marks.match !== entry.marks.match ||
      isPaused !== entry.isPaused
    // Only what was there before and is something else now is news to running processes.
    const news = new Set([...changed].filter((keyset) => before.has(keyset)))
    Object.assign(entry, { observed: after, version, marks, isPaused })
    if (early) queue.add(id, RETRY_KEY)
    if (content === 'forbidden') queue.add(id, RETRY_FORBIDDEN)
    if (changed.size > 0 || flagged) onChange(entry.ref, entry.users, news)
    if (content === 'unavailable' && !early) throw new Error('the API server did not give it')
  }

  const usesOfEntry = (id: string, { users }: Entry): Use[] =>
    [...users].flatMap((user) => usesOf.get(user) ?? []).filter((use) => refId(use) === id)

  function drop(user: string): void {
    for (const use of usesOf.get(user) ?? []) {
      const entry = entries.get(refId(use))
      entry?.users.delete(user)
    }
    usesOf.delete(user)
  }

  return {
    use(user, uses) {
      const before = usesOf.get(user) ?? []
      drop(user)
      if (uses.length > 0) usesOf.set(user, uses)
      for (const use of uses) {
        const id = refId(use)
        const entry = entries.get(id) ?? newEntry(use)
        entries.set(id, entry)
        entry.users.add(user)
        if (!entry.observed.has(keysetOf(use))) queue.add(id)
      }
      for (const use of before) {
        const id = refId(use)
        if (entries.get(id)?.users.size === 0) {
          entries.delete(id)
          queue.remove(id)
        }
      }
    },
    seen(source, version) {
      const id = refId(source)
      const entry = entries.get(id)
      if (entry && entry.version !== (version ?? '')) queue.add(id)
    },
    state(use) {
      const entry = entries.get(refId(use))
      return {
        observed: entry?.observed.get(keysetOf(use)),
        marks: entry?.marks ?? unmarked,
        isPaused: entry?.isPaused ?? false,
      }
    },
    size: () => entries.size,
    stop: () => queue.stop(),
  }
}

const newEntry = ({ kind, namespace, name }: Use): Entry => ({
  ref: { kind, namespace, name },
  users: new Set(),
  observed: new Map(),
  version: undefined,
  marks: unmarked,
  isPaused: false,
})

const notYet = ({ marks, isPaused }: Entry): SourceReading => ({
  content: 'unavailable',
  version: '',
  marks,
  isPaused,
})

/** What the CSI driver fetched is told by versions, not contents: nothing of it need be kept secret. */
function observation(
  use: Use,
  content: ConfigContent | Unreadable,
  key: InstallKey | undefined,
): Observation {
  const kind = use.kind === 'SecretProviderClass' ? 'ConfigMap' : use.kind
  return observe({ ...use, kind }, content, key)
}

function same(a: Observation | undefined, b: Observation | undefined): boolean {
  if (typeof a !== 'object' || typeof b !== 'object') return a === b
  return a.hash === b.hash && a.immutable === b.immutable
}
