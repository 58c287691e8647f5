/**
 * Decides for each reference of a Pod whether a change of it needs new Pods or reaches the running one. A source has one outcome: where one
 * container must have new Pods for it, these come for all containers.
 */
import { sourceId } from '../workload/checksum.ts'
import { ofServiceAccount, type Reference, references } from '../workload/references.ts'
import { builtInDefaults } from './defaults.ts'
import type { ContainerPlan, PodPlan } from './plan.ts'
import { PREFIX } from './values/prefix.ts'

export interface ClassifiedReferences {
  /** A change needs new Pods. */
  rollout: Reference[]
  /** A change reaches the running Pod: the program reloads, or its container restarts. */
  inPlace: Reference[]
}

/** What a change of one reference does, as far as its own container is concerned. */
export type Verdict =
  | { is: 'rollout' | 'inPlace' }
  /** `why` is a sentence. With `isOutside` hotreload does nothing for the reference, and the program may do something itself. */
  | { is: 'leftOut'; why: string; isOutside: boolean }

export type Judged = Verdict & {
  reference: Reference
  /** Another reference, which needs new Pods whenever this one changes. */
  dueTo?: Reference
}

/**
 * The references of the plan's Pod, in their order; those that the annotations leave out are in neither list. A plan does not hold these
 * lists, because the admission of a Pod needs neither of them and has a few microseconds only.
 */
export function classifyReferences(plan: PodPlan): ClassifiedReferences {
  const judged = judgeReferences(plan).filter((one) => one.is !== 'leftOut')
  const [rollout, inPlace] = [judged.filter(rollsOut), judged.filter((one) => !rollsOut(one))]
  return { rollout: rollout.map(referenceOf), inPlace: inPlace.map(referenceOf) }
}

const referenceOf = ({ reference }: Judged): Reference => reference
const rollsOut = (one: Judged): boolean => one.is === 'rollout' || isSettled(one)

/**
 * Whether new Pods come for certain because of another container, so that an agent would serve the reference for nothing. A Secret stays with
 * the agent: hotreload may not be allowed to read it, and then nothing rolls out.
 */
export const isSettled = ({ dueTo, reference }: Judged): boolean =>
  dueTo !== undefined && reference.kind === 'ConfigMap'

/** Container -> mountPath, or id of the source of variables -> the reference that needs new Pods. */
export type RolledOut = ReadonlyMap<string, ReadonlyMap<string, Reference>>

/** What a plan must hold for its references to be judged. */
export type Judgeable = Pick<PodPlan, 'spec' | 'policy' | 'defaults' | 'containers' | 'isReplaced'> &
  Partial<Pick<PodPlan, 'rolledOut'>>

/** Every reference of the plan's Pod, in their order. */
export function judgeReferences(plan: Judgeable): Judged[] {
  const judge = judgeOf(plan)
  const judged = references(plan.spec).map((reference): Judged => {
    const dueTo = plan.rolledOut?.get(reference.container)?.get(useKey(reference))
    return { reference, ...judge(reference), ...(dueTo && !reference.init ? { dueTo } : {}) }
  })
  if (!plan.isReplaced) return judged
  const cause = causeFinder(judged.filter(({ is, dueTo }) => is === 'rollout' && !dueTo).map(referenceOf))
  return judged.map((one) => {
    const dueTo = one.is === 'rollout' ? undefined : cause(one.reference)
    return dueTo ? { ...one, dueTo } : one
  })
}

interface Causes {
  ofAll?: Reference
  byKey: Map<string, Reference>
}

/** Finds the reference whose rollouts cover every key of another reference. */
function causeFinder(rollout: readonly Reference[]): (reference: Reference) => Reference | undefined {
  const causes = new Map<string, Causes>()
  for (const reference of rollout) {
    const id = sourceId(reference)
    const found: Causes = causes.get(id) ?? { byKey: new Map() }
    causes.set(id, found)
    if (!reference.keys) found.ofAll ??= reference
    for (const key of reference.keys ?? []) if (!found.byKey.has(key)) found.byKey.set(key, reference)
  }
  return (reference) => {
    const found = causes.get(sourceId(reference))
    if (found?.ofAll) return found.ofAll
    return reference.keys?.every((key) => found?.byKey.has(key))
      ? found?.byKey.get(reference.keys[0] ?? '')
      : undefined
  }
}

export const isVariable = ({ as }: Reference): boolean => as === 'env' || as === 'envFrom'

/** What the plan serves or does not serve as one: a mount, or the variables from one source. */
export const useKey = (reference: Reference): string =>
  isVariable(reference) ? sourceId(reference) : (reference.mountPath ?? '')

/** Judges single references of the plan's Pod. */
function judgeOf({
  spec,
  policy: { shared },
  defaults: { excludedContainers },
  containers,
}: Judgeable): (reference: Reference) => Verdict {
  const plans = new Map(containers.map((plan) => [plan.container.name, { plan, kept: keptPaths(plan) }]))
  const isOfAccount = new Map((spec.volumes ?? []).map((one) => [one.name, ofServiceAccount(one)]))
  const named = shared.container && new Set(shared.container)
  const watched = shared.volumes && new Set(shared.volumes)
  return (reference) => {
    const { container, volume = '', as, init, mountPath = '' } = reference
    if (excludedContainers.has(container) && !named?.has(container)) return leftOut(excluded(reference), true)
    if (isOfAccount.get(volume)?.(reference)) return leftOut(OF_ACCOUNT)
    if (!init && named?.has(container) === false)
      return leftOut(`${PREFIX}container names other containers`, true)
    const { plan, kept } = plans.get(container) ?? {}
    if (isVariable(reference)) {
      if (shared.env === 'ignore') return leftOut(`${PREFIX}env says ignore`)
      const isRestarted = !init && plan?.env.some((source) => sourceId(source) === sourceId(reference))
      return { is: isRestarted ? 'inPlace' : 'rollout' }
    }
    if (init) return { is: 'rollout' }
    if (!plan || watched?.has(volume) === false) return leftOut(`${PREFIX}volumes names other volumes`, true)
    const { way, because } = plan.ways.get(mountPath) ?? { way: 'rollout', because: '' }
    if (way === 'ignore') return leftOut(because)
    const isKept = as === 'subPath' && kept?.has(mountPath)
    return { is: way === 'rollout' || isKept ? 'rollout' : 'inPlace' }
  }
}

const leftOut = (why: string, isOutside = false): Verdict => ({ is: 'leftOut', why, isOutside })

const OF_ACCOUNT = "it is the ServiceAccount's own, which Kubernetes renews"

/** Why a container of this name is left alone, and how a user includes it. The annotation can't name an init container. */
function excluded({ container, init }: Reference): string {
  const why = builtInDefaults.excludedContainers.has(container)
    ? `another injector usually adds containers named ${container}, so hotreload leaves them alone`
    : `the policy file leaves containers named ${container} alone`
  return init ? why : `${why}; ${PREFIX}container: ${container} includes it`
}

const keptPaths = ({ subPaths }: ContainerPlan): Set<string> =>
  new Set(subPaths.filter(({ mode }) => mode === 'keep').map(({ mount }) => mount.mountPath))
