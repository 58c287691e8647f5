/**
 * Computes what a template's checksum must say for the present content of its sources. The webhook writes it and the controller compares
 * with it, so both use this one function. The plan says which references count; workload/checksum.ts computes each checksum. Pure.
 */
import { classifyReferences } from '../policy/classify-references.ts'
import type { PodPlan } from '../policy/plan.ts'
import {
  ABSENT,
  checksum,
  type InstallKey,
  sourceId,
  type UsedKeys,
  type UsedKeysIn,
  usedKeys,
} from '../workload/checksum.ts'
import type { ConfigContent, Unreadable } from '../workload/source-content.ts'

/** The checksum of one source's keys in use. */
export interface Observed {
  /** ABSENT if the object does not exist. */
  hash: string
  immutable: boolean
}
export type Observation = Observed | Exclude<Unreadable, 'absent'>

export function observe(
  used: UsedKeysIn,
  content: ConfigContent | Unreadable,
  key: InstallKey | undefined,
): Observation {
  if (content === 'absent') return { hash: ABSENT, immutable: false }
  if (typeof content === 'string') return content
  if (used.kind === 'Secret' && !key) return 'unavailable'
  return { hash: checksum(used, content, key), immutable: content.immutable }
}

/** The sources of a plan. */
export interface PlannedSources {
  /** A change needs new Pods. */
  rollout: UsedKeys[]
  /** A change reloads in place, unless the source is immutable. */
  inPlace: UsedKeys[]
}

export function plannedSources(plan: PodPlan): PlannedSources {
  const { rollout, inPlace } = classifyReferences(plan)
  return { rollout: usedKeys(rollout), inPlace: usedKeys(inPlace) }
}

export interface ExpectedChecksums {
  /** Source id -> checksum, for each source that needs new Pods and could be read. */
  hashes: Map<string, string>
  unreadable: { used: UsedKeys; why: Exclude<Unreadable, 'absent'> }[]
  /** Immutable sources: none reloads in place. */
  immutable: UsedKeys[]
}

export function expectedChecksums(
  { rollout, inPlace }: PlannedSources,
  observation: (used: UsedKeys) => Observation,
): ExpectedChecksums {
  const result: ExpectedChecksums = { hashes: new Map(), unreadable: [], immutable: [] }
  for (const used of rollout) {
    const observed = observation(used)
    if (typeof observed === 'string') result.unreadable.push({ used, why: observed })
    else result.hashes.set(sourceId(used), observed.hash)
    if (isImmutable(observed)) result.immutable.push(used)
  }
  // The kubelet reads an immutable object once for all Pods of its node: a new one of its name reaches new Pods on other nodes only.
  for (const used of inPlace) {
    const observed = observation(used)
    if (!isImmutable(observed) || result.hashes.has(sourceId(used))) continue
    result.hashes.set(sourceId(used), observed.hash)
    result.immutable.push(used)
  }
  return result
}

const isImmutable = (observed: Observation): observed is Exclude<Observation, string> =>
  typeof observed === 'object' && observed.immutable
