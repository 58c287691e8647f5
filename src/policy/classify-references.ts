/** Which references of a Pod need new Pods when they change, and which are brought into the running process. */
import type { V1PodSpec } from '@kubernetes/client-node'
import { isTokenVolume, type Reference, references } from '../workload/references.ts'
import type { Defaults } from './defaults.ts'
import type { ContainerPlan, PodPlan } from './plan.ts'
import type { Policy } from './policy.ts'

/** Which references need new Pods when they change, and which reload in place; the rest are nobody's wish. */
export function classifyReferences(
  spec: V1PodSpec,
  policy: Policy,
  defaults: Defaults,
  containers: ContainerPlan[],
): Pick<PodPlan, 'rollouts' | 'live'> {
  const plans = new Map(containers.map((plan) => [plan.container.name, plan]))
  const tokens = new Set((spec.volumes ?? []).filter(isTokenVolume).map(({ name }) => name))
  const kind = (reference: Reference): 'rollouts' | 'live' | undefined => {
    const { container, volume, as, init } = reference
    const outside =
      defaults.excludedContainers.has(container) && !policy.shared.container?.includes(container)
    if (outside || (volume !== undefined && tokens.has(volume))) return undefined
    const plan = plans.get(container)
    if (as === 'env' || as === 'envFrom') {
      if (policy.shared.env === 'ignore') return undefined
      return !init && plan && plan.env.length > 0 ? 'live' : 'rollouts'
    }
    if (init) return 'rollouts'
    if (!plan || policy.shared.volumes?.includes(volume ?? '') === false) return undefined
    return plan.reload.way === 'rollout' || keptSubPath(plan, reference) ? 'rollouts' : 'live'
  }
  const { rollouts = [], live = [] } = Object.groupBy(
    references(spec),
    (reference) => kind(reference) ?? 'ignored',
  )
  return { rollouts, live }
}

const keptSubPath = ({ subPaths }: ContainerPlan, { as, mountPath }: Reference): boolean =>
  as === 'subPath' && subPaths.some(({ mount, mode }) => mount.mountPath === mountPath && mode === 'keep')
