/**
 * What a template's checksum must say, given what its sources hold. The webhook writes it and the controller compares with it, so that it
 * is one function: which references count is the plan's, the hashing is workload/checksum.ts's. Pure.
 */
import { classifyReferences } from '../policy/classify-references.ts'
import type { PodPlan } from '../policy/plan.ts'
import { ABSENT, checksum, type InstallKey, sourceId, type UsedKeys, usedKeys } from '../workload/checksum.ts'
import type { ConfigContent, Unreadable } from '../workload/source-content.ts'

/** What one source holds in the keys that somebody uses. */
export interface Observed {
  /** ABSENT where there is no such object. */
  hash: string
  immutable: boolean
}
export type Observation = Observed | Exclude<Unreadable, 'absent'>

export function observe(
  used: UsedKeys,
  content: ConfigContent | Unreadable,
  key: InstallKey | undefined,
): Observation {
  if (content === 'absent') return { hash: ABSENT, immutable: false }
  if (typeof content === 'string') return content
  if (used.kind === 'Secret' && !key) return 'unavailable'
  return { hash: checksum(used, content, key), immutable: content.immutable }
}

/** The sources of a plan: those whose change needs new Pods, and those that reload in place while they can change at all. */
export interface PlannedSources {
  rollout: UsedKeys[]
  inPlace: UsedKeys[]
}

export function plannedSources(plan: PodPlan): PlannedSources {
  const { rollout, inPlace } = classifyReferences(plan)
  return { rollout: usedKeys(rollout), inPlace: usedKeys(inPlace) }
}

export interface Expected {
  /** Source id -> hash, for each source that needs new Pods and could be read. */
  hashes: Map<string, string>
  unreadable: { used: UsedKeys; why: Exclude<Unreadable, 'absent'> }[]
  /** Sources that would reload in place, were they not immutable. */
  immutable: UsedKeys[]
}

export function expected(
  { rollout, inPlace }: PlannedSources,
  observation: (used: UsedKeys) => Observation,
): Expected {
  const result: Expected = { hashes: new Map(), unreadable: [], immutable: [] }
  for (const used of rollout) {
    const observed = observation(used)
    if (typeof observed === 'string') result.unreadable.push({ used, why: observed })
    else result.hashes.set(sourceId(used), observed.hash)
  }
  // The kubelet never looks at an immutable object again: a new one of the same name reaches new Pods only.
  for (const used of inPlace) {
    const observed = observation(used)
    if (typeof observed === 'string' || !observed.immutable) continue
    if (!result.hashes.has(sourceId(used))) result.hashes.set(sourceId(used), observed.hash)
    result.immutable.push(used)
  }
  return result
}
