/** Decides which references of a Pod need new Pods after a change, and which reload in place. */
import { isTokenVolume, type Reference, references } from '../workload/references.ts'
import type { ContainerPlan, PodPlan } from './plan.ts'

export interface ClassifiedReferences {
  /** A change needs new Pods. */
  rollout: Reference[]
  /** A change reaches the running Pod: the program reloads, or its container restarts. */
  inPlace: Reference[]
}

/**
 * The references of the plan's Pod, in their order; the annotations leave out all others. A plan does not hold these lists, because the
 * admission of a Pod needs neither of them and has a few microseconds only.
 */
export function classifyReferences(plan: PodPlan): ClassifiedReferences {
  const { rollout = [], inPlace = [] } = Object.groupBy(
    references(plan.spec),
    (reference) => classifyReference(reference, plan) ?? 'ignored',
  )
  return { rollout, inPlace }
}

/** Undefined: the annotations leave the reference out. */
export function classifyReference(
  { container, volume, as, init, mountPath }: Reference,
  { spec, policy: { shared }, defaults, containers }: PodPlan,
): keyof ClassifiedReferences | undefined {
  if (defaults.excludedContainers.has(container) && !shared.container?.includes(container)) return undefined
  if (spec.volumes?.some((one) => one.name === volume && isTokenVolume(one))) return undefined
  const plan = containers.find((one) => one.container.name === container)
  if (as === 'env' || as === 'envFrom') {
    if (shared.env === 'ignore') return undefined
    return !init && plan && plan.env.length > 0 ? 'inPlace' : 'rollout'
  }
  if (init) return 'rollout'
  if (!plan || shared.volumes?.includes(volume ?? '') === false) return undefined
  const isKept = as === 'subPath' && isKeptSubPath(plan, mountPath)
  return plan.reload.method === 'rollout' || isKept ? 'rollout' : 'inPlace'
}

const isKeptSubPath = ({ subPaths }: ContainerPlan, mountPath: string | undefined): boolean =>
  subPaths.some(({ mount, mode }) => mount.mountPath === mountPath && mode === 'keep')
