/**
 * Short hashes of ConfigMaps and Secrets, limited to the keys in use: what the `checksum` annotation holds.
 * Pure; whoever calls has read the objects.
 */
import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto'
import type { Reference, Source } from './references.ts'

/** What a ConfigMap or Secret holds, as the API gives it: `data` of a Secret and all `binaryData` in base64. */
export interface SourceData {
  data?: Readonly<Record<string, string>>
  binaryData?: Readonly<Record<string, string>>
}

/** Makes a Secret's hash useless to whoever reads an annotation: HMAC-SHA-256 under a key of this install. */
export interface InstallKey {
  /** 8 hexadecimal digits that stand before each hash, so that hashes under different keys are never compared. */
  id: string
  /** 32 random bytes. */
  key: Uint8Array
}

/** What stands for an object that is not there: an optional source may come to be. */
export const ABSENT = 'absent'

/** 64 bits: two contents of one object never meet by chance, and an annotation of 20 sources stays short. */
const HASH_HEX_DIGITS = 16

/** `ConfigMap/web`, as it stands in the annotation. */
export const sourceId = ({ kind, name }: Source): string => `${kind}/${name}`

export interface UsedKeys extends Source {
  /** Sorted; undefined: every key of the object. */
  keys?: readonly string[]
  /** Only where every reference is. */
  optional: boolean
}

/** Each ConfigMap and Secret of `references` once, with the keys that any of them uses, in the order of their ids. */
export function usedKeys(references: readonly Reference[]): UsedKeys[] {
  const byId = new Map<string, UsedKeys>()
  for (const { kind, name, keys, optional } of references) {
    const id = sourceId({ kind, name })
    const seen = byId.get(id)
    const all = keys === undefined || (seen !== undefined && seen.keys === undefined)
    const union = all ? undefined : [...new Set([...(seen?.keys ?? []), ...(keys ?? [])])].toSorted()
    byId.set(id, {
      kind,
      name,
      optional: optional && (seen?.optional ?? true),
      ...(union ? { keys: union } : {}),
    })
  }
  return [...byId.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, used]) => used)
}

/**
 * The hash of the keys in use of one object: SHA-256 for a ConfigMap, HMAC under the install key for a Secret, cut to 64 bits.
 * Every name and value goes in with its length, so that no two contents run into the same bytes; a key that is missing is not an empty one.
 * @throws TypeError for a Secret without a key: a plain hash of a Secret could be guessed offline.
 */
export function checksum(used: UsedKeys, data: SourceData, key?: InstallKey): string {
  if (used.kind === 'ConfigMap') return digest(createHash('sha256'), used, data)
  if (!key) throw new TypeError('a Secret is hashed under the install key only')
  return `${key.id}:${digest(createHmac('sha256', key.key), used, data)}`
}

function digest(hash: Hash | Hmac, used: UsedKeys, { data = {}, binaryData = {} }: SourceData): string {
  const keys = used.keys ?? [...Object.keys(data), ...Object.keys(binaryData)].toSorted()
  for (const key of keys) {
    const [field, value] = Object.hasOwn(data, key)
      ? ['data', data[key]]
      : ['binaryData', own(binaryData, key)]
    hash.update(`${key.length}:${key}=${value === undefined ? '-' : `${field}:${value.length}:${value}`};`)
  }
  return hash.digest('hex').slice(0, HASH_HEX_DIGITS)
}

const own = (from: Readonly<Record<string, string>>, key: string): string | undefined =>
  Object.hasOwn(from, key) ? from[key] : undefined

/** The annotation's value: source id -> hash, sorted; undefined where nothing needs a rollout. */
export const formatChecksums = (hashes: ReadonlyMap<string, string>): string | undefined =>
  hashes.size === 0
    ? undefined
    : JSON.stringify(Object.fromEntries([...hashes].toSorted(([a], [b]) => (a < b ? -1 : 1))))

/** Reads the annotation back; anything that is not ours reads as no stamp at all. */
export function parseChecksums(annotation: string | undefined): Map<string, string> {
  try {
    const value: unknown = JSON.parse(annotation ?? '{}')
    const entries = typeof value === 'object' && value !== null ? Object.entries(value) : []
    return new Map(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
  } catch {
    return new Map()
  }
}
