/** Reloader's flags as values. src/cli/serve/controller-flags.ts reads the text. */
import type { SourceKind } from '../../workload/sources-in-use.ts'

export interface CompatOptions {
  /** `--compat=none` turns all of it off. */
  enabled: boolean
  /** What a rollout writes into the pod template. Reloader's default is env-vars. */
  strategy: 'env-vars' | 'annotations'
  /** Every workload without `auto: "false"` is opted in. */
  autoReloadAll: boolean
  reloadOnCreate: boolean
  reloadOnDelete: boolean
  ignoredKinds: ReadonlySet<SourceKind>
  /** `Job`, `CronJob` */
  ignoredWorkloads: ReadonlySet<string>
  /** Undefined: all. */
  namespaces: ReadonlySet<string> | undefined
  ignoredNamespaces: ReadonlySet<string>
  namespaceSelector: Selector
  /** On ConfigMaps and Secrets. */
  resourceSelector: Selector
  /** Whether SecretProviderClasses are watched. */
  csi: boolean
  /** A key of Reloader's annotations -> the key that its users write instead. */
  renamedKeys: ReadonlyMap<string, string>
}

/** Label selectors that must all match; an empty list matches everything. */
export type Selector = readonly Requirement[]
export interface Requirement {
  key: string
  /** `exists` and `absent` have no values. */
  operator: 'in' | 'notIn' | 'exists' | 'absent'
  values: readonly string[]
}

export const defaultCompatOptions: CompatOptions = {
  enabled: true,
  strategy: 'env-vars',
  autoReloadAll: false,
  reloadOnCreate: false,
  reloadOnDelete: false,
  ignoredKinds: new Set(),
  ignoredWorkloads: new Set(),
  namespaces: undefined,
  ignoredNamespaces: new Set(),
  namespaceSelector: [],
  resourceSelector: [],
  csi: false,
  renamedKeys: new Map(),
}

export function selects(selector: Selector, labels: Readonly<Record<string, string>> | undefined): boolean {
  return selector.every(({ key, operator, values }) => {
    const value = labels && Object.hasOwn(labels, key) ? labels[key] : undefined
    if (operator === 'exists' || operator === 'absent')
      return (value !== undefined) === (operator === 'exists')
    return (value !== undefined && values.includes(value)) === (operator === 'in')
  })
}

export function isNamespaceAllowed(
  { namespaces, ignoredNamespaces, namespaceSelector }: CompatOptions,
  name: string,
  labels: Readonly<Record<string, string>> | undefined,
): boolean {
  return (namespaces?.has(name) ?? true) && !ignoredNamespaces.has(name) && selects(namespaceSelector, labels)
}
