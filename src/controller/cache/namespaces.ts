/** The labels of all namespaces. hotreload's label enables `hotreload.dev/inject`; Reloader's flags can select namespaces by any label. */
import type { Listener } from '../../api/api.ts'

const INJECTION = 'hotreload.dev/injection'
/** As in the webhook's namespaceSelector (deploy/base/webhook.yaml). */
const EXCLUDED = new Set(['kube-system', 'kube-node-lease'])

type Labels = Readonly<Record<string, string>>

export interface Namespaces {
  labels(name: string): Labels | undefined
  /** Whether the webhook covers this namespace, so that `hotreload.dev/inject` has a meaning there. */
  isLabelled(name: string): boolean
  listener: Pick<Listener, 'changed' | 'removed'>
}

export interface NamespacesOptions {
  /** The namespace hotreload runs in, which the webhook leaves out. */
  own: string
  /** A namespace's labels have changed. */
  onChange: (name: string) => void
}

export function createNamespaces({ own, onChange }: NamespacesOptions): Namespaces {
  const byName = new Map<string, Labels>()
  return {
    labels: (name) => byName.get(name),
    isLabelled(name) {
      const value = byName.get(name)?.[INJECTION]
      return (value === 'enabled' || value === 'required') && !EXCLUDED.has(name) && name !== own
    },
    listener: {
      changed({ metadata }) {
        const name = metadata?.name ?? ''
        const labels = metadata?.labels ?? {}
        const before = byName.get(name)
        byName.set(name, labels)
        if (JSON.stringify(before) !== JSON.stringify(labels)) onChange(name)
      },
      removed: (_, name) => byName.delete(name),
    },
  }
}
