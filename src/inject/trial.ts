/** The agent's flags of a trial, and the variable that one of them holds. */
import type { V1EnvVar } from '@kubernetes/client-node'
import type { GatePlan } from '../policy/gate.ts'
import type { HealthCheck } from '../policy/trial/health.ts'
import { literal, milliseconds } from './agent-flags.ts'

/** The Pod's address, at which the kubelet probes. Nobody knows it before the Pod has started. */
const POD_IP = 'HOTRELOAD_POD_IP'

/** As the kubelet expands them. */
export const trialFlags = ({ trial }: GatePlan): string[] =>
  trial ? [`--bake=${milliseconds(trial.bake)}`, ...healthFlags(trial.health)] : []

function healthFlags(health: HealthCheck | string): string[] {
  if (typeof health === 'string') return []
  const { request, host, port } = health
  const authority = `${host ?? `$(${POD_IP})`}:${port}`
  const method = request && request.method !== 'GET' ? `${request.method} ` : ''
  return [
    `--health=${request ? `${method}http://${authority}${literal(request.path)}` : `tcp://${authority}`}`,
    ...(request?.headers ?? []).map((header) => `--health-header=${literal(header)}`),
    `--health-timeout=${milliseconds(health.timeoutSeconds)}`,
    `--health-period=${milliseconds(health.periodSeconds)}`,
    `--health-failures=${health.failureThreshold}`,
  ]
}

export const trialVariables = ({ trial }: GatePlan): V1EnvVar[] =>
  typeof trial?.health === 'object' && trial.health.host === undefined
    ? [{ name: POD_IP, valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }]
    : []
