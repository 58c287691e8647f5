/** Whether the webhook looks at a namespace, as its namespaceSelector says (deploy/base/webhook.yaml). */
import type { KubeClient } from '../../kube/client.ts'
import type { ApiObject } from '../../workload/pod-template.ts'
import { INSTALL_NAMESPACE } from './install-names.ts'

const INJECTION = 'hotreload.dev/injection'
const NEVER: ReadonlySet<string> = new Set(['kube-system', 'kube-node-lease', INSTALL_NAMESPACE])

/** Whether the label means nothing there. */
export const isNeverLabelled = (namespace: string): boolean => NEVER.has(namespace)

export const hasLabel = ({ metadata = {} }: ApiObject): boolean => {
  const value = metadata.labels?.[INJECTION]
  return (value === 'enabled' || value === 'required') && !isNeverLabelled(metadata.name ?? '')
}

/** Undefined where it may not be read. */
export async function isLabelled(client: KubeClient, namespace: string): Promise<boolean | undefined> {
  const { status, body } = await client.call({ method: 'GET', path: `/api/v1/namespaces/${namespace}` })
  return status === 200 ? hasLabel(body as ApiObject) : undefined
}
