/**
 * The ConfigMaps and Secrets that workloads use, as checksums. A source is read when its object has changed; of its content only the checksums of
 * the keys in use are kept.
 */
import type { Clock } from '../../async/clock.ts'
import { createQueue, type Requeue } from '../../async/queue.ts'
import { type Observation, observe } from '../../checksum/expected-checksums.ts'
import type { SourceMarks } from '../../compat/request/reload-request.ts'
import type { InstallKey } from '../../workload/checksum.ts'
import type { ConfigContent, Unreadable } from '../../workload/source-content.ts'
import { keysetOf, refId, type SourceRef, type Use } from '../../workload/sources-in-use.ts'
import type { SourceState } from '../decide/source-diff.ts'
import type { SourceReading } from './read-source.ts'

export interface SourcesOptions {
  clock: Clock
  /** Never rejects. */
  read: (source: SourceRef) => Promise<SourceReading>
  installKey: () => InstallKey | undefined
  /**
   * The first reading of a source, or one that differs from the last: reconcile its `users`. `changedKeysets` are those whose content differs
   * from an earlier reading; after a first reading there are none.
   */
  onChange: (source: SourceRef, users: ReadonlySet<string>, changedKeysets: ReadonlySet<string>) => void
}

export interface Sources {
  /** Replaces the set of sources that `user` uses. */
  use(user: string, uses: readonly Use[]): void
  /** A watch reports that an object has this version; undefined: it was deleted. Reads the source where that is news. */
  reportVersion(source: SourceRef, version: string | undefined): void
  state(use: Use): SourceState
  /** Whether `user` uses this source with all of its keys. */
  isUsedWhole(source: SourceRef, user: string): boolean
  size(): number
  stop(): void
}

interface Entry {
  ref: SourceRef
  /** With what each of them uses: more than once, where its containers use different keys. */
  users: Map<string, Use[]>
  /** By keyset. */
  observed: Map<string, Observation>
  /** Of the last reading; undefined before the first. */
  version: string | undefined
  marks: SourceMarks
  isPaused: boolean
  sharedWith: ReadonlySet<string>
  /** The last content that was read was immutable; undefined before the first. */
  isImmutable: boolean | undefined
  replacesImmutable: boolean
}

/** The API server handles hundreds of requests at once (max-requests-inflight, 400), and others' go first. */
const CONCURRENT_READS = 16
/** The longest delay between two attempts to read a source, in milliseconds; each delay is twice the last, to spare an overloaded API server. */
const LONGEST_RETRY_DELAY = 30_000
/** Milliseconds. A new version is a change of each Pod's status, one after the other, and each read is a list of all of them. */
const CSI_SETTLES_WITHIN = 1_000
/** Milliseconds between two checks for the install key. */
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
    longestRetryDelay: LONGEST_RETRY_DELAY,
  })

  /** Rejects where the API server did not answer, so that the queue tries again. */
  async function refresh(id: string): Promise<Requeue> {
    const entry = entries.get(id)
    if (!entry) return undefined
    // Without the key a Secret has no checksum, so reading it has no use yet.
    const isEarly = entry.ref.kind === 'Secret' && installKey() === undefined
    const { content, version, marks, isPaused, sharedWith } = isEarly ? notYet(entry) : await read(entry.ref)
    const before = entry.observed
    const after = new Map<string, Observation>()
    for (const uses of entry.users.values())
      for (const use of uses) {
        const keyset = keysetOf(use)
        if (!after.has(keyset)) after.set(keyset, observation(use, content, installKey()))
      }
    const changed = new Set(
      [...after.keys()].filter((keyset) => !isSame(before.get(keyset), after.get(keyset))),
    )
    const hasNewMarks =
      marks.ignored !== entry.marks.ignored ||
      marks.match !== entry.marks.match ||
      isPaused !== entry.isPaused ||
      [...sharedWith].join() !== [...entry.sharedWith].join()
    // A first reading changes nothing for running processes: no nudge for it.
    const differing = new Set([...changed].filter((keyset) => before.has(keyset)))
    // Between deletion and creation there is no content, and the object before it counts.
    if (changed.size > 0 && typeof content === 'object') {
      entry.replacesImmutable = entry.isImmutable ?? false
      entry.isImmutable = content.immutable
    }
    Object.assign(entry, { observed: after, version, marks, isPaused, sharedWith })
    if (changed.size > 0 || hasNewMarks) onChange(entry.ref, new Set(entry.users.keys()), differing)
    if (isEarly) return RETRY_KEY
    if (content === 'unavailable') throw new Error('source not readable')
    return content === 'forbidden' ? RETRY_FORBIDDEN : undefined
  }

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
        entry.users.set(user, [...(entry.users.get(user) ?? []), use])
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
    reportVersion(source, version) {
      const id = refId(source)
      const entry = entries.get(id)
      const delay = source.kind === 'SecretProviderClass' ? CSI_SETTLES_WITHIN : 0
      if (entry && entry.version !== (version ?? '')) queue.add(id, delay)
    },
    state(use) {
      const entry = entries.get(refId(use))
      return {
        observed: entry?.observed.get(keysetOf(use)),
        marks: entry?.marks ?? unmarked,
        isPaused: entry?.isPaused ?? false,
        replacesImmutable: entry?.replacesImmutable ?? false,
        sharedWith: entry?.sharedWith ?? new Set(),
      }
    },
    isUsedWhole: (source, user) =>
      entries
        .get(refId(source))
        ?.users.get(user)
        ?.some((use) => use.keys === undefined) === true,
    size: () => entries.size,
    stop: () => queue.stop(),
  }
}

const newEntry = ({ kind, namespace, name }: Use): Entry => ({
  ref: { kind, namespace, name },
  users: new Map(),
  observed: new Map(),
  version: undefined,
  marks: unmarked,
  isPaused: false,
  sharedWith: new Set(),
  isImmutable: undefined,
  replacesImmutable: false,
})

const notYet = ({ marks, isPaused, sharedWith }: Entry): SourceReading => ({
  content: 'unavailable',
  version: '',
  marks,
  isPaused,
  sharedWith,
})

/** The CSI driver reports versions instead of contents, so nothing of them is secret. */
function observation(
  use: Use,
  content: ConfigContent | Unreadable,
  key: InstallKey | undefined,
): Observation {
  const kind = use.kind === 'SecretProviderClass' ? 'ConfigMap' : use.kind
  return observe({ ...use, kind }, content, key)
}

function isSame(a: Observation | undefined, b: Observation | undefined): boolean {
  if (typeof a !== 'object' || typeof b !== 'object') return a === b
  return a.hash === b.hash && a.immutable === b.immutable
}
