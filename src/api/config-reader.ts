/** Reads the present content of a ConfigMap or a Secret, for the webhook's handlers and `explain`. */

import { isObject } from '../workload/json-object.ts'
import { isLegalName } from '../workload/object-name.ts'
import type { ApiObject } from '../workload/pod-template.ts'
import { type ConfigContent, contentOf, type Unreadable } from '../workload/source-content.ts'
import type { Api, ApiCall } from './api.ts'

/**
 * Never rejects. Each read answers within READ_BUDGET_MILLISECONDS of its call, so a handler that starts all of its reads before it
 * awaits the first one stays within that budget as a whole.
 */
export interface ConfigReader {
  configMap(namespace: string, name: string): Promise<ConfigContent | Unreadable>
  secret(namespace: string, name: string): Promise<ConfigContent | Unreadable>
}

/** The webhook has 5 s in all (WEBHOOK_TIMEOUT_SECONDS) and kubectl's user is waiting: a second, then allow and warn. */
const READ_BUDGET_MILLISECONDS = 1_000

export function createConfigReader(
  api: Pick<Api, 'call'>,
  timeoutMilliseconds = READ_BUDGET_MILLISECONDS,
): ConfigReader {
  const read = async (kind: 'ConfigMap' | 'Secret', namespace: string, name: string) => {
    if (!isLegalName(namespace) || !isLegalName(name)) return 'absent'
    const path = `/api/v1/namespaces/${namespace}/${kind === 'ConfigMap' ? 'configmaps' : 'secrets'}/${name}`
    const object = await readObject(api, { path, timeoutMilliseconds, urgent: true })
    return typeof object === 'string' ? object : contentOf(kind, object)
  }
  return {
    configMap: (namespace, name) => read('ConfigMap', namespace, name),
    secret: (namespace, name) => read('Secret', namespace, name),
  }
}

/** The reader of a process without a cluster: `hotreload inject`, and `serve --only webhook --tls-dir`. */
export const noCluster: ConfigReader = {
  configMap: async () => 'unavailable',
  secret: async () => 'unavailable',
}

/** One GET of one object. Never rejects. */
export async function readObject(
  api: Pick<Api, 'call'>,
  get: Omit<ApiCall, 'method'>,
): Promise<ApiObject | Unreadable> {
  try {
    const { status, body } = await api.call({ method: 'GET', ...get })
    if (status === 200 && isObject(body)) return body
    if (status === 404) return 'absent'
    return status === 403 ? 'forbidden' : 'unavailable'
  } catch {
    return 'unavailable'
  }
}
