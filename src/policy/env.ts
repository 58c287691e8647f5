/** Plans `env: restart`: a process can't take new variables, so a change of their ConfigMap or Secret restarts the container in place. */
import type { V1Container, V1PodSpec } from '@kubernetes/client-node'
import { UserError } from '../errors.ts'
import { sourceId, usedKeys } from '../workload/checksum.ts'
import { references } from '../workload/references.ts'
import { isVariable } from './classify-references.ts'
import type { Note } from './methods/method-row.ts'
import { obstacleToSharing } from './methods/process-namespace.ts'
import { methodOf, type Reload } from './methods/reload-methods.ts'
import { whyNotRestarted } from './methods/restart.ts'
import type { EnvSource } from './plan.ts'
import { REWRITES } from './values/bounds.ts'
import { PREFIX } from './values/prefix.ts'

export interface EnvPlan {
  sources: EnvSource[]
  notes: Note[]
  problems: UserError[]
}

/** Which sources restart a container with `env: restart`. */
export function planEnv(container: V1Container, spec: V1PodSpec, reload: Reload): EnvPlan {
  const variables = references({ containers: [container] }).filter(isVariable)
  const none: EnvPlan = { sources: [], notes: [], problems: [] }
  if (variables.length === 0) return none
  const why = whyNotRestarted(container, spec)
  if (why) {
    const problem = `${PREFIX}env: restart, but ${why}`
    return {
      ...none,
      problems: [new UserError('HR_NOT_RESTARTED', problem, 'use env: rollout or env: ignore')],
    }
  }
  if (methodOf(reload).agent === 'parent') {
    const problem = `${PREFIX}env: restart, but with reload: ${reload.method} container ${container.name} itself stays, and its variables with it`
    return {
      ...none,
      problems: [new UserError('HR_TWO_WAYS', problem, 'use env: rollout or reload: restart')],
    }
  }
  const obstacle = obstacleToSharing(container, spec, '')
  if (obstacle) return { ...none, notes: [{ text: obstacle, warn: true }] }
  const used = usedKeys(variables)
  if (used.length > REWRITES) {
    const text = `container ${container.name}: its variables have ${used.length} sources, and hotreload watches ${REWRITES} at most; changes roll out`
    return { ...none, notes: [{ text, warn: true }] }
  }
  const optional = new Set(variables.filter((one) => one.optional).map(sourceId))
  // The container itself waits for required sources; the agent must not wait for a source that one variable can do without.
  return {
    ...none,
    sources: used.map((one) => ({ ...one, optional: optional.has(sourceId(one)) })),
  }
}

/** Whether a ConfigMap or Secret fills some of a container's variables. */
export const hasVariables = ({ env = [], envFrom = [] }: V1Container): boolean =>
  envFrom.length > 0 || env.some(({ valueFrom }) => valueFrom?.configMapKeyRef ?? valueFrom?.secretKeyRef)

/** How many ConfigMaps and Secrets fill a container's variables. */
export function variableSources({ env = [], envFrom = [] }: V1Container): number {
  const sources = new Set<string>()
  for (const { valueFrom: { configMapKeyRef, secretKeyRef } = {} } of env) add(configMapKeyRef, secretKeyRef)
  for (const { configMapRef, secretRef } of envFrom) add(configMapRef, secretRef)
  return sources.size

  function add(configMap?: { name?: string }, secret?: { name?: string }): void {
    if (configMap) sources.add(`ConfigMap/${configMap.name}`)
    if (secret) sources.add(`Secret/${secret.name}`)
  }
}
