/** The handlers' view of ConfigMaps and Secrets (see src/admission/config-reader.ts), read live from the API server. */
import { type ConfigReader, READ_BUDGET_MILLISECONDS } from '../admission/config-reader.ts'
import type { Api } from '../api/api.ts'
import { type ConfigContent, contentOf, isLegalName, type Unreadable } from '../checksum/source-content.ts'
import type { ApiObject } from '../workload/pod-template.ts'

export function createConfigReader(
  api: Pick<Api, 'call'>,
  budgetMilliseconds = READ_BUDGET_MILLISECONDS,
): ConfigReader {
  const read = async (
    kind: 'ConfigMap' | 'Secret',
    namespace: string,
    name: string,
  ): Promise<ConfigContent | Unreadable> => {
    if (!isLegalName(namespace) || !isLegalName(name)) return 'absent'
    const path = `/api/v1/namespaces/${namespace}/${kind === 'ConfigMap' ? 'configmaps' : 'secrets'}/${name}`
    try {
      const { status, body } = await api.call({
        method: 'GET',
        path,
        timeoutMilliseconds: budgetMilliseconds,
        urgent: true,
      })
      if (status === 200 && typeof body === 'object' && body !== null)
        return contentOf(kind, body as ApiObject)
      if (status === 404) return 'absent'
      return status === 403 ? 'forbidden' : 'unavailable'
    } catch {
      return 'unavailable'
    }
  }
  return {
    configMap: (namespace, name) => read('ConfigMap', namespace, name),
    secret: (namespace, name) => read('Secret', namespace, name),
  }
}
