/**
 * Checksums of ConfigMaps and Secrets, limited to the keys in use: the content of the `checksum` annotation.
 * Pure: the caller has read the objects.
 */
import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto'
import { parseJson, textEntries } from './json-object.ts'
import type { Reference, Source } from './references.ts'

/** The content of a ConfigMap or Secret, as the API returns it: `data` of a Secret and all `binaryData` in base64. */
export interface SourceData {
  data?: Readonly<Record<string, string>>
  binaryData?: Readonly<Record<string, string>>
}

/** The key of this install for HMAC-SHA-256. A reader of the annotation can't guess a Secret from its checksum. */
export interface InstallKey {
  /** 8 hexadecimal digits that begin each checksum, so that checksums under different keys never match. */
  id: string
  /** 32 random bytes. */
  key: Uint8Array
}

/** The checksum of an object that does not exist: an optional source may be created later. */
export const ABSENT = 'absent'

/** 64 bits: two contents of one object never collide by chance, and an annotation of 20 sources stays short. */
const HASH_HEX_DIGITS = 16

/** `ConfigMap/web`: the key in the annotation. */
export const sourceId = ({ kind, name }: Source): string => `${kind}/${name}`

export interface UsedKeys extends Source {
  /** Sorted; undefined: every key of the object. */
  keys?: readonly string[]
  /** True only if every reference is optional. */
  optional: boolean
}

export interface UsedKeysIn extends UsedKeys {
  namespace: string
}

/** Each ConfigMap and Secret of `references` once, with the keys that any reference uses, sorted by id. */
export function usedKeys(references: readonly Reference[]): UsedKeys[] {
  const byId = new Map<string, Source & { optional: boolean; keys: Set<string> | undefined }>()
  for (const { kind, name, keys, optional } of references) {
    const id = sourceId({ kind, name })
    const seen = byId.get(id)
    if (!seen) byId.set(id, { kind, name, optional, keys: keys && new Set(keys) })
    else {
      seen.optional &&= optional
      if (!keys) seen.keys = undefined
      else for (const key of keys) seen.keys?.add(key)
    }
  }
  return [...byId.entries()]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { keys, ...used }]) => ({ ...used, ...(keys ? { keys: [...keys].toSorted() } : {}) }))
}

/**
 * How a checksum under the install key is computed, as the second part of its prefix: `0a1b2c3d.2:…`. Checksums of different versions never
 * match, so that a workload with one of an older version is recorded anew, and not rolled out. Version 2 covers the object's name.
 */
const KEYED_VERSION = 2

/** Before a checksum under this key. */
export const keyedPrefix = ({ id }: InstallKey): string => `${id}.${KEYED_VERSION}:`

/** What a checksum under the install key covers first: equal contents of two objects, perhaps of two tenants, have different checksums. */
export const objectBinding = (kind: string, namespace: string, name: string): string =>
  `${kind}/${namespace}/${name}\n`

/**
 * The checksum of the used keys of one object: SHA-256 for a ConfigMap, HMAC under the install key for a Secret, cut to 64 bits.
 * It covers the length of each name and value, so that no two contents give the same bytes. A missing key differs from an empty one.
 * @param used with the namespace of the object
 * @throws TypeError for a Secret without a key: anybody could guess a Secret from its plain hash.
 */
export function checksum(used: UsedKeysIn, data: SourceData, key?: InstallKey): string {
  if (used.kind === 'ConfigMap') return digest(createHash('sha256'), used, data)
  if (!key) throw new TypeError('a Secret is hashed under the install key only')
  const hmac = createHmac('sha256', key.key).update(objectBinding(used.kind, used.namespace, used.name))
  return keyedPrefix(key) + digest(hmac, used, data)
}

function digest(hash: Hash | Hmac, used: UsedKeys, { data = {}, binaryData = {} }: SourceData): string {
  const keys = used.keys ?? [...Object.keys(data), ...Object.keys(binaryData)].toSorted()
  for (const key of keys) {
    const [field, map] = Object.hasOwn(data, key) ? ['data', data] : ['binaryData', binaryData]
    const value = Object.hasOwn(map, key) ? map[key] : undefined
    hash.update(`${key.length}:${key}=${value === undefined ? '-' : `${field}:${value.length}:${value}`};`)
  }
  return hash.digest('hex').slice(0, HASH_HEX_DIGITS)
}

/** The annotation's value: source id -> checksum, sorted. Undefined: nothing needs a rollout. */
export const formatChecksums = (checksums: ReadonlyMap<string, string>): string | undefined =>
  checksums.size === 0
    ? undefined
    : JSON.stringify(Object.fromEntries([...checksums].toSorted(([a], [b]) => (a < b ? -1 : 1))))

/** Reads the annotation. A value that hotreload did not write gives no checksums. */
export const parseChecksums = (annotation = ''): Map<string, string> =>
  new Map(textEntries(parseJson(annotation)))
