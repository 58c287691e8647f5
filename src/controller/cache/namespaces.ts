/** The labels of all namespaces. hotreload's label enables `hotreload.dev/inject`; Reloader's flags can select namespaces by any label. */
import type { Listener } from '../../api/api.ts'
import { isLabelledNamespace } from '../../workload/namespace-label.ts'

type Labels = Record<string, string>

export interface Namespaces {
  /** Undefined: there is no such namespace, as far as is known. */
  labels(name: string): Labels | undefined
  /** Whether the webhook covers this namespace, so that `hotreload.dev/inject` has a meaning there. */
  isLabelled(name: string): boolean
  listener: Pick<Listener, 'changed' | 'removed'>
}

export interface NamespacesOptions {
  /** The namespace hotreload runs in, which the webhook leaves out. */
  own: string
  /** A namespace is new or gone, or its labels have changed. */
  onChange: (name: string) => void
}

export function createNamespaces({ own, onChange }: NamespacesOptions): Namespaces {
  const byName = new Map<string, Labels>()
  return {
    labels: (name) => byName.get(name),
    isLabelled: (name) => isLabelledNamespace({ name, labels: byName.get(name) ?? {} }, own),
    listener: {
      changed({ metadata }) {
        const name = metadata?.name ?? ''
        const labels = metadata?.labels ?? {}
        const before = byName.get(name)
        byName.set(name, labels)
        if (JSON.stringify(before) !== JSON.stringify(labels)) onChange(name)
      },
      removed(_, name) {
        if (byName.delete(name)) onChange(name)
      },
    },
  }
}
