/** Defaults for a workload without annotations of its own: the built-in ones, and the cluster's (policy-file.ts). */

import type { AlertSink } from '../alerts/sink.ts'

export interface Defaults {
  /** Full annotation keys; a workload's own annotation of the same key wins. */
  annotations: Readonly<Record<string, string>>
  /** Containers of other injectors, which mount their own ConfigMaps. hotreload changes one only if `hotreload.dev/container` names it. */
  excludedContainers: ReadonlySet<string>
  /** Seconds that a validator or a command may take; undefined: the agent's own default (docs/agent.md). */
  timeoutSeconds?: number
  /** In addition to the sink of `--alert-url`. */
  alertSinks: readonly AlertSink[]
}

/** istio-proxy mounts a ConfigMap (the CA of its mesh) and ends on SIGHUP; the others are similar. */
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
