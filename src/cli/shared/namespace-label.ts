/** Whether the webhook of an install in the usual namespace covers a namespace. */
import { asObject } from '../../api/response-body.ts'
import type { KubeClient } from '../../kube/client.ts'
import { isExcludedNamespace, isLabelledNamespace } from '../../workload/namespace-label.ts'
import type { ApiObject } from '../../workload/pod-template.ts'
import { INSTALL_NAMESPACE } from './install-names.ts'

/** Whether the label has no effect there. */
export const isNeverLabelled = (name: string): boolean => isExcludedNamespace(name, INSTALL_NAMESPACE)

/** Why hotreload does nothing in a namespace that has no label, or that it does not watch; a sentence. */
export function whyNotCovered(namespace: string, isWatched: boolean): string {
  if (isNeverLabelled(namespace)) return `hotreload never acts in namespace ${namespace}`
  return isWatched
    ? `namespace ${namespace} has no label hotreload.dev/injection=enabled`
    : `hotreload does not watch namespace ${namespace}: watchNamespaces of its chart names others`
}

/** @param namespace the object */
export const hasLabel = ({ metadata = {} }: ApiObject): boolean =>
  isLabelledNamespace(metadata, INSTALL_NAMESPACE)

/** Undefined where the user may not read the namespace. */
export async function readHasLabel(client: KubeClient, name: string): Promise<boolean | undefined> {
  const { status, body } = await client.call({ method: 'GET', path: `/api/v1/namespaces/${name}` })
  return status === 200 ? hasLabel(asObject(body)) : undefined
}
