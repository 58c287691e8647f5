/** What holds where a workload says nothing: built in, or the cluster's (policy-file.ts). */

import type { AlertSink } from '../alerts/sink.ts'

export interface Defaults {
  /** Full annotation keys; a workload's own annotation of the same key wins. */
  annotations: Readonly<Record<string, string>>
  /** Containers of other injectors, which mount ConfigMaps of their own: never touched unless `hotreload.dev/container` names one. */
  excludedContainers: ReadonlySet<string>
  /** Seconds that a validator or a command may take; undefined: what the agent takes by itself (docs/agent.md). */
  timeoutSeconds?: number
  /** Besides the one that `serve` was started with. */
  alertSinks: readonly AlertSink[]
}

/** istio-proxy mounts a ConfigMap (its mesh's CA) and dies of SIGHUP; the others are alike. */
const INJECTED_BY_OTHERS = [
  'istio-proxy',
  'istio-init',
  'istio-validation',
  'linkerd-proxy',
  'linkerd-init',
  'linkerd-network-validator',
  'vault-agent',
  'vault-agent-init',
  'consul-dataplane',
  'kuma-sidecar',
  'kuma-init',
  'cloud-sql-proxy',
  'opentelemetry-auto-instrumentation',
  'datadog-agent-injected',
]

export const builtInDefaults: Defaults = {
  annotations: {},
  excludedContainers: new Set(INJECTED_BY_OTHERS),
  alertSinks: [],
}
