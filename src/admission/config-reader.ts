/**
 * What the handlers may ask of the cluster: the present content of a ConfigMap or a Secret. The interface only; src/kube/config-reader.ts
 * answers it from the API server, a test from a table.
 */
import type { ConfigContent, Unreadable } from '../checksum/source-content.ts'

export type { ConfigContent, Unreadable } from '../checksum/source-content.ts'

/**
 * Never rejects. Each read answers within READ_BUDGET_MILLISECONDS of its call, so a handler that starts all of its reads before it
 * awaits the first one stays within that budget as a whole.
 */
export interface ConfigReader {
  configMap(namespace: string, name: string): Promise<ConfigContent | Unreadable>
  secret(namespace: string, name: string): Promise<ConfigContent | Unreadable>
}

/** The webhook has 5 s in all (WEBHOOK_TIMEOUT_SECONDS) and kubectl's user is waiting: a second, then allow and warn. */
export const READ_BUDGET_MILLISECONDS = 1_000

/** The reader of a process that has no cluster: `hotreload inject`, and `serve --only webhook --tls-dir`. */
export const noCluster: ConfigReader = {
  configMap: async () => 'unavailable',
  secret: async () => 'unavailable',
}
