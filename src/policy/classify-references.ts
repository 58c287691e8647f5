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
  const classify = classifier(plan)
  const { rollout = [], inPlace = [] } = Object.groupBy(
    references(plan.spec),
    (reference) => classify(reference) ?? 'ignored',
  )
  return { rollout, inPlace }
}

/** Classifies single references of the plan's Pod. Undefined: the annotations leave the reference out. */
export function classifier({
  policy: { shared },
  defaults: { excludedContainers },
  containers,
  spec,
}: PodPlan): (reference: Reference) => keyof ClassifiedReferences | undefined {
  const plans = new Map(containers.map((plan) => [plan.container.name, { plan, kept: keptPaths(plan) }]))
  const tokens = new Set((spec.volumes ?? []).filter(isTokenVolume).map(({ name }) => name))
  const named = new Set(shared.container)
  const watched = shared.volumes && new Set(shared.volumes)
  return ({ container, volume = '', as, init, mountPath = '' }) => {
    if (excludedContainers.has(container) && !named.has(container)) return undefined
    if (tokens.has(volume)) return undefined
    const { plan, kept } = plans.get(container) ?? {}
    if (as === 'env' || as === 'envFrom') {
      if (shared.env === 'ignore') return undefined
      return !init && plan && plan.env.length > 0 ? 'inPlace' : 'rollout'
    }
    if (init) return 'rollout'
    if (!plan || watched?.has(volume) === false) return undefined
    const { way } = plan.ways.get(mountPath) ?? { way: 'rollout' }
    if (way === 'ignore') return undefined
    const isKept = as === 'subPath' && kept?.has(mountPath)
    return way === 'rollout' || isKept ? 'rollout' : 'inPlace'
  }
}

const keptPaths = ({ subPaths }: ContainerPlan): Set<string> =>
  new Set(subPaths.filter(({ mode }) => mode === 'keep').map(({ mount }) => mount.mountPath))
