/**
 * Baselines: what the sources of a workload held when the controller first saw it, for a workload whose template has no checksum, or one
 * under another install key. They are kept in ConfigMaps of our own namespace, because each write to the template would be a rollout. This
 * file distributes them over these shards, baseline-store.ts writes them. Pure.
 */
import { isObject, parseJson, textEntries } from '../../workload/json-object.ts'
import type { Baseline } from '../decide/source-diff.ts'

/** An object has 1 MiB at most (ConfigMap validation, MaxSecretSize); half of it leaves entries room to grow. */
export const SHARD_BYTES = 512 * 1024

/** Key and value in a shard's data: the workload's uid, and its baseline as JSON. Undefined: remove the key. */
export interface ShardChange {
  shard: number
  uid: string
  text: string | undefined
}

export interface Baselines {
  get(uid: string): Baseline
  /** Sets and removes baselines of a workload. Returns whether anything changed. */
  update(uid: string, added: Baseline, stale: readonly string[]): boolean
  /** Returns whether the workload had any. */
  remove(uid: string): boolean
  uids(): Iterable<string>
  /** The changes to write since the last call. The caller returns those that fail with `failed`. */
  takeChanges(): ShardChange[]
  failed(changes: readonly ShardChange[]): void
  /** All data of one shard, to create it. */
  shard(shard: number): Record<string, string>
}

const none: Baseline = new Map()

/** @param stored the shards' data by number, as read from the cluster; a value that can't be parsed counts as missing */
export function createBaselines(stored: ReadonlyMap<number, Readonly<Record<string, string>>>): Baselines {
  const entries = new Map<string, { baseline: Map<string, string>; shard: number; bytes: number }>()
  const bytes: number[] = []
  let dirty = new Set<string>()
  /** Keys to remove: an entry may have moved more than once since the last write. */
  let removed = new Map<string, ShardChange>()
  const removeKey = (uid: string, shard: number) =>
    removed.set(`${shard} ${uid}`, { shard, uid, text: undefined })

  const grow = (shard: number, by: number) => {
    bytes[shard] = (bytes[shard] ?? 0) + by
  }
  for (const [shard, data] of stored)
    for (const [uid, text] of Object.entries(data)) {
      const baseline = parse(text)
      const size = sizeOf(uid, text)
      const duplicate = entries.get(uid)
      // After a crash in the middle of a move it is in two shards. It moved because it had grown, so the larger one is newer.
      if (!baseline || (duplicate && duplicate.bytes >= size)) continue
      if (duplicate) grow(duplicate.shard, -duplicate.bytes)
      entries.set(uid, { baseline, shard, bytes: size })
      grow(shard, size)
    }

  /** The first shard with room for this many bytes. Entries from before `bound` may be larger than a shard. */
  function place(size: number): number {
    for (let shard = 0; ; shard++) if ((bytes[shard] ?? 0) === 0 || hasRoom(shard, size)) return shard
  }
  const hasRoom = (shard: number, size: number): boolean => (bytes[shard] ?? 0) + size <= SHARD_BYTES

  function remove(uid: string): boolean {
    const entry = entries.get(uid)
    if (!entry) return false
    entries.delete(uid)
    dirty.delete(uid)
    removeKey(uid, entry.shard)
    grow(entry.shard, -entry.bytes)
    return true
  }

  return {
    get: (uid) => entries.get(uid)?.baseline ?? none,
    update(uid, added, stale) {
      const entry = entries.get(uid)
      const baseline = new Map(entry?.baseline)
      for (const id of stale) baseline.delete(id)
      for (const [id, hash] of added) baseline.set(id, hash)
      if (equal(baseline, entry?.baseline ?? none)) return false
      if (baseline.size === 0) return remove(uid)
      const size = bound(uid, baseline)
      if (entry) grow(entry.shard, -entry.bytes)
      // An entry that still fits stays in its shard, so that only one object is written.
      const stays = entry !== undefined && hasRoom(entry.shard, size)
      const shard = stays ? entry.shard : place(size)
      if (entry && shard !== entry.shard) removeKey(uid, entry.shard)
      removed.delete(`${shard} ${uid}`)
      grow(shard, size)
      entries.set(uid, { baseline, shard, bytes: size })
      dirty.add(uid)
      return true
    },
    remove,
    uids: () => entries.keys(),
    takeChanges() {
      // New entries are written before old ones are removed: a crash in between leaves an entry twice, and loses none.
      const changes = [
        ...[...dirty].flatMap((uid) => {
          const entry = entries.get(uid)
          return entry ? [{ shard: entry.shard, uid, text: format(entry.baseline) }] : []
        }),
        ...removed.values(),
      ]
      dirty = new Set()
      removed = new Map()
      return changes
    },
    failed(changes) {
      for (const { uid, shard, text } of changes) {
        if (text === undefined) {
          if (entries.get(uid)?.shard !== shard) removeKey(uid, shard)
        } else if (entries.has(uid)) dirty.add(uid)
      }
    },
    shard: (shard) =>
      Object.fromEntries(
        [...entries]
          .filter(([, entry]) => entry.shard === shard)
          .map(([uid, { baseline }]) => [uid, format(baseline)]),
      ),
  }
}

/**
 * Removes the oldest checksums of an entry that is larger than a shard, and could never be written. Those of the sources in use fit
 * (MOST_SOURCES): what is too much is left from earlier names in the workload's annotations. Returns the entry's size.
 */
function bound(uid: string, baseline: Map<string, string>): number {
  let size = sizeOf(uid, format(baseline))
  for (const [id, hash] of baseline) {
    if (size <= SHARD_BYTES) break
    baseline.delete(id)
    size -= JSON.stringify({ [id]: hash }).length - 1
  }
  return size
}

const format = (baseline: Baseline): string =>
  JSON.stringify(Object.fromEntries([...baseline].toSorted(([a], [b]) => (a < b ? -1 : 1))))

function parse(text: string): Map<string, string> | undefined {
  const value = parseJson(text)
  return isObject(value) ? new Map(textEntries(value)) : undefined
}

/** Bytes of key and value: names of objects are ASCII. */
const sizeOf = (uid: string, text: string): number => uid.length + text.length

const equal = (a: Baseline, b: Baseline): boolean =>
  a.size === b.size && [...a].every(([id, hash]) => b.get(id) === hash)
