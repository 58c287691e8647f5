/** `env: restart`: variables are fixed when a process starts, so a change of their ConfigMap or Secret restarts the container in place. */
import type { V1Container, V1PodSpec } from '@kubernetes/client-node'
import { UserError } from '../errors.ts'
import { usedKeys } from '../workload/checksum.ts'
import { references } from '../workload/references.ts'
import { PREFIX } from './annotations.ts'
import type { EnvSource, Note } from './plan.ts'
import type { Reload } from './presets.ts'
import { obstacleToSharing } from './process-namespace.ts'

export interface EnvPlan {
  sources: EnvSource[]
  notes: Note[]
  problems: UserError[]
}

/** Whether the kubelet starts a container again that has ended, whatever its exit code. */
export const isRestarted = (spec: V1PodSpec): boolean => (spec.restartPolicy ?? 'Always') === 'Always'

/** What a container that asks for `env: restart` is restarted for. */
export function planEnv(container: V1Container, spec: V1PodSpec, { method }: Reload): EnvPlan {
  const variables = references({ containers: [container] }).filter(
    ({ as }) => as === 'env' || as === 'envFrom',
  )
  const none: EnvPlan = { sources: [], notes: [], problems: [] }
  if (variables.length === 0) return none
  if (!isRestarted(spec)) {
    const problem = `${PREFIX}env: restart, but the Pod's restartPolicy is ${spec.restartPolicy}`
    return {
      ...none,
      problems: [new UserError('HR_NOT_RESTARTED', problem, 'use env: rollout or env: ignore')],
    }
  }
  if (method === 'supervise') {
    const problem = `${PREFIX}env: restart, but with reload: supervise container ${container.name} itself stays, and its variables with it`
    return {
      ...none,
      problems: [new UserError('HR_TWO_WAYS', problem, 'use env: rollout or reload: restart')],
    }
  }
  const obstacle = obstacleToSharing(container, spec)
  if (obstacle) return { ...none, notes: [{ text: obstacle, warn: true }] }
  const optional = new Set(variables.filter((one) => one.optional).map(({ kind, name }) => `${kind}/${name}`))
  // The container itself waits for what is required; the agent must not wait for what only one variable can do without.
  return {
    ...none,
    sources: usedKeys(variables).map((used) => ({
      ...used,
      optional: optional.has(`${used.kind}/${used.name}`),
    })),
  }
}

/** What asks for it: a container that takes variables, where the Pod says `env: restart`. */
export const hasVariables = ({ env = [], envFrom = [] }: V1Container): boolean =>
  envFrom.length > 0 || env.some(({ valueFrom }) => valueFrom?.configMapKeyRef ?? valueFrom?.secretKeyRef)
