/** Which namespaces the webhook covers, as the namespaceSelectors of deploy/base/webhook.yaml select them. Pure. */
import type { V1ObjectMeta } from '@kubernetes/client-node'

const LABEL = 'hotreload.dev/injection'
const EXCLUDED: ReadonlySet<string> = new Set(['kube-system', 'kube-node-lease'])

/**
 * Whether hotreload never acts in a namespace, whatever its label.
 * @param own the namespace of the install
 */
export const isExcludedNamespace = (name: string, own: string): boolean => EXCLUDED.has(name) || name === own

/** Whether a namespace has the label, so that `hotreload.dev/inject` has an effect there. */
export function isLabelledNamespace(
  { name = '', labels }: Pick<V1ObjectMeta, 'name' | 'labels'>,
  own: string,
): boolean {
  const value = labels?.[LABEL]
  return (value === 'enabled' || value === 'required') && !isExcludedNamespace(name, own)
}
