/** The labels of all namespaces: ours says where `hotreload.dev/inject` counts, others may limit what Reloader's annotations reach. */
import type { Listener } from '../../api/api.ts'

const INJECTION = 'hotreload.dev/injection'
/** As in the webhook's namespaceSelector (deploy/base/webhook.yaml). */
const NEVER = new Set(['kube-system', 'kube-node-lease'])

type Labels = Readonly<Record<string, string>>

export interface Namespaces {
  labels(name: string): Labels | undefined
  /** Whether the webhook looks at this namespace, so that `hotreload.dev/inject` means something there. */
  labelled(name: string): boolean
  listener: Listener
}

/** @param own our namespace, which is never looked at */
export function createNamespaces(
  own: string,
  onChange: (name: string) => void,
  onListed: () => void,
  onRefused: (status: number) => void,
): Namespaces {
  const byName = new Map<string, Labels>()
  return {
    labels: (name) => byName.get(name),
    labelled(name) {
      const value = byName.get(name)?.[INJECTION]
      return (value === 'enabled' || value === 'required') && !NEVER.has(name) && name !== own
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
      listed: onListed,
      refused: onRefused,
    },
  }
}
