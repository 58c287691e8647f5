/** The sources that a workload uses, and their names in checksums and baselines. Pure. */
import { createHash } from 'node:crypto'

/** A SecretProviderClass stands for the content that the Secrets Store CSI driver fetched with it. Only Reloader's annotations name one. */
export type SourceKind = 'ConfigMap' | 'Secret' | 'SecretProviderClass'

export interface SourceRef {
  kind: SourceKind
  namespace: string
  name: string
}

export interface Use extends SourceRef {
  /** Sorted; undefined: all keys. */
  keys?: readonly string[]
  /** Whether Pods start if the source does not exist. */
  optional: boolean
}

/**
 * ConfigMaps and Secrets of one workload that the controller compares; the rest is left out with an Event. Its checksums then take some 300 kB in
 * a ConfigMap with baselines, which holds 1 MiB.
 */
export const MOST_SOURCES = 500

/** The name of an object in the cluster: `ConfigMap/shop/web`. */
export const refId = ({ kind, namespace, name }: SourceRef): string => `${kind}/${namespace}/${name}`

/** The key in a checksum annotation: `ConfigMap/web`, with the namespace if it differs from the workload's (Wave allows it). */
export const idIn = (namespace: string, use: SourceRef): string =>
  use.namespace === namespace ? `${use.kind}/${use.name}` : refId(use)

/** A text that is equal for equal sets of keys. */
export const keysetOf = ({ keys }: Pick<Use, 'keys'>): string => (keys ? keys.join(',') : '*')

/**
 * The key in a baseline. It depends on the used keys: a template that begins to use one more key must not look like a change of the
 * source.
 */
export const baselineId = (namespace: string, use: Use): string =>
  use.keys
    ? `${idIn(namespace, use)}#${createHash('sha256').update(keysetOf(use)).digest('hex').slice(0, 8)}`
    : idIn(namespace, use)
