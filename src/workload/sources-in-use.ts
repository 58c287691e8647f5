/** What a workload uses of the cluster's configuration, and how it is named in stamps and baselines. Pure. */
import { createHash } from 'node:crypto'

/** A SecretProviderClass stands for what the Secrets Store CSI driver fetched through it: only Reloader's annotations name one. */
export type SourceKind = 'ConfigMap' | 'Secret' | 'SecretProviderClass'

export interface SourceRef {
  kind: SourceKind
  namespace: string
  name: string
}

export interface Use extends SourceRef {
  /** Sorted; undefined: every key of the object. */
  keys?: readonly string[]
  /** Whether Pods start without it. */
  optional: boolean
}

/** One object of the cluster. */
export const refId = ({ kind, namespace, name }: SourceRef): string => `${kind}/${namespace}/${name}`

/** As it stands in a stamp: `ConfigMap/web`; with its namespace where that is another than the workload's (Wave allows it). */
export const idIn = (namespace: string, use: SourceRef): string =>
  use.namespace === namespace ? `${use.kind}/${use.name}` : refId(use)

/** Equal for equal sets of keys. */
export const keysetOf = ({ keys }: Pick<Use, 'keys'>): string => (keys ? keys.join(',') : '*')

/**
 * As it stands in a baseline: other keys of the same object are another thing to compare, so that a template that begins to use one
 * more key does not look like a change.
 */
export const baselineId = (namespace: string, use: Use): string =>
  use.keys
    ? `${idIn(namespace, use)}#${createHash('sha256').update(keysetOf(use)).digest('hex').slice(0, 8)}`
    : idIn(namespace, use)
