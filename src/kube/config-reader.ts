/** The stories' view of ConfigMaps and Secrets (see src/admission/config-reader.ts), read live from the API server. */
import {
  type ConfigContent,
  type ConfigReader,
  READ_BUDGET_MILLISECONDS,
  type Unreadable,
} from '../admission/config-reader.ts'
import type { KubeClient } from './client.ts'

/**
 * A DNS-1123 subdomain, as every ConfigMap's, Secret's and namespace's name is. A reference in a manifest is only text: `../nodes` must
 * not become part of a path that we ask with our own rights.
 */
const legalName = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/

export function createConfigReader(
  client: KubeClient,
  budgetMilliseconds = READ_BUDGET_MILLISECONDS,
): ConfigReader {
  const read = async (resource: string, namespace: string, name: string) => {
    if (!legalName.test(namespace) || !legalName.test(name)) return 'absent'
    const path = `/api/v1/namespaces/${namespace}/${resource}/${name}`
    try {
      const { status, body } = await client.call({
        method: 'GET',
        path,
        timeoutMilliseconds: budgetMilliseconds,
      })
      if (status === 200 && typeof body === 'object' && body !== null) return body
      if (status === 404) return 'absent'
      return status === 403 ? 'forbidden' : 'unavailable'
    } catch {
      return 'unavailable'
    }
  }
  return {
    async configMap(namespace, name) {
      const found = await read('configmaps', namespace, name)
      if (typeof found === 'string') return found
      return content(found, texts(found, 'data'), texts(found, 'binaryData'))
    },
    async secret(namespace, name) {
      const found = await read('secrets', namespace, name)
      if (typeof found === 'string') return found
      return content(found, {}, texts(found, 'data'))
    },
  } satisfies Record<string, (namespace: string, name: string) => Promise<ConfigContent | Unreadable>>
}

function content(
  found: object,
  data: Record<string, string>,
  binaryData: Record<string, string>,
): ConfigContent {
  return { data, binaryData, immutable: 'immutable' in found && found.immutable === true }
}

/** A map of strings that may be absent. */
function texts(found: object, field: 'data' | 'binaryData'): Record<string, string> {
  const map: unknown = Object.entries(found).find(([key]) => key === field)?.[1]
  if (typeof map !== 'object' || map === null) return {}
  return Object.fromEntries(
    Object.entries(map).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}
