/**
 * How a workload's sources differ from what its Pods run with. There are two planes. `hotreload.dev/inject` keeps its state in the checksum
 * annotation of the pod template, other tools' annotations keep theirs in the checksum annotation of the workload's metadata. Pure.
 */
import { createHmac } from 'node:crypto'
import type { Observation } from '../../checksum/expected-checksums.ts'
import type { CompatOptions } from '../../compat/request/options.ts'
import type { SourceMarks } from '../../compat/request/reload-request.ts'
import { ABSENT, type InstallKey, keyedPrefix, objectBinding } from '../../workload/checksum.ts'
import { baselineId, idIn, type SourceRef, type Use } from '../../workload/sources-in-use.ts'
import { type Comparison, type ComparisonInput, compareSources } from './compare.ts'
import type { UsedSources } from './used-sources.ts'
import type { WorkloadSummary } from './workload-summary.ts'

/** A source as the cache has it. */
export interface SourceState {
  /** Undefined: not read yet. */
  observed: Observation | undefined
  marks: SourceMarks
  /** `hotreload.dev/pause` on the source. */
  isPaused: boolean
  /** It was immutable before it was deleted and created with this content. */
  replacesImmutable: boolean
  /** `hotreload.dev/share-with` on the source: other namespaces whose workloads may depend on it. */
  sharedWith: ReadonlySet<string>
}

/** Of one workload: baseline id -> checksum. */
export type Baseline = ReadonlyMap<string, string>

export interface DiffContext {
  stateOf: (use: Use) => SourceState
  baseline: Baseline
  installKey: InstallKey | undefined
  compat: CompatOptions
}

export interface SourceDiff {
  native: Comparison
  compat: Comparison
  /** Both planes as one: a workload is rolled out once for everything that changed. */
  merged: Comparison
  /** Ids of sources of other namespaces that do not name this workload's. They count as if nothing of them were known. */
  notShared: string[]
  /** Ids of sources that nodes may have in memory as they were: a kubelet reads an immutable object once, as long as a Pod on its node uses it. */
  immutableBefore: ReadonlySet<string>
  /** Sentences on sources that are over a bound, and left out. */
  notes: readonly string[]
  /** Every source that was compared, by its id. */
  sources: ReadonlyMap<string, SourceRef>
}

/** Before an id of the compat plane, where both planes stand in one map: that plane hashes sources whole. */
const COMPAT = 'compat:'

export function diffSources(
  summary: WorkloadSummary,
  used: UsedSources,
  { stateOf, baseline, installKey, compat }: DiffContext,
): SourceDiff {
  const { namespace } = summary
  const sources = new Map<string, SourceRef>()
  const notShared: string[] = []
  const immutableBefore = new Set<string>()
  // Whether a namespace exists must make no difference either.
  for (const use of used.unknown) {
    sources.set(idIn(namespace, use), use)
    notShared.push(idIn(namespace, use))
  }
  const inputOf = (
    use: Use,
    prefix: string,
    checksums: ReadonlyMap<string, string> | undefined,
  ): ComparisonInput => {
    const { isPaused, replacesImmutable } = stateOf(use)
    const id = idIn(namespace, use)
    if (replacesImmutable) immutableBefore.add(id)
    const key = prefix + baselineId(namespace, use)
    sources.set(id, { kind: use.kind, namespace: use.namespace, name: use.name })
    return {
      id,
      baselineId: key,
      observed: observedFrom(use),
      checksum: checksums?.get(id),
      baseline: baseline.get(key),
      whenAppears: use.optional ? 'rollout' : 'record',
      whenDeleted: use.optional ? 'rollout' : 'wait',
      isPaused,
    }
  }
  /**
   * A source of another namespace is unavailable unless it is shared: to this workload's users it must look the same whether it exists, what
   * it holds, and when it changes.
   */
  const observedFrom = (use: Use): Observation | undefined => {
    const { observed, sharedWith } = stateOf(use)
    if (use.namespace === namespace || observed === undefined || observed === 'forbidden') return observed
    if (sharedWith.has(namespace)) return hashedUnderInstallKey(use, observed, installKey)
    notShared.push(idIn(namespace, use))
    return 'unavailable'
  }
  const rolloutIds = new Set(used.rollout.map((use) => idIn(namespace, use)))
  const needsRollout = (use: Use): boolean => {
    const { observed } = stateOf(use)
    // While it is unread it may turn out to be immutable, so a rollout waits for it.
    const isImmutable = observed === undefined || (typeof observed === 'object' && observed.immutable)
    return isImmutable && !rolloutIds.has(idIn(namespace, use))
  }
  const native = compareSources(
    [...used.rollout, ...used.inPlace.filter(needsRollout)].map((use) =>
      inputOf(use, '', summary.native?.checksums),
    ),
  )
  const ofCompat = compareSources(
    used.compat
      .filter(({ use, needsMatch }) => {
        const { marks } = stateOf(use)
        return !marks.ignored && (!needsMatch || marks.match)
      })
      .map(({ use }) => ({
        ...inputOf(use, COMPAT, summary.compatChecksums),
        // Reloader acts on updates only, unless its flags say otherwise.
        whenAppears: compat.reloadOnCreate ? 'rollout' : 'record',
        whenDeleted: compat.reloadOnDelete ? 'rollout' : 'wait',
      })),
  )
  const merged = merge(native, ofCompat)
  return { native, compat: ofCompat, merged, notShared, immutableBefore, sources, notes: used.notes }
}

/** Sources by their ids, as people read them: `ConfigMap web`, with the namespace where it is not the workload's. */
export const describeSources = (
  { namespace }: Pick<WorkloadSummary, 'namespace'>,
  { sources }: SourceDiff,
  ids: readonly string[],
): string[] =>
  ids.flatMap((id) => {
    const source = sources.get(id)
    if (!source) return []
    return `${source.kind} ${source.namespace === namespace ? '' : `${source.namespace}/`}${source.name}`
  })

/** For an object of another namespace: from a plain hash, users of this namespace could verify a guess at its content. */
function hashedUnderInstallKey(
  { kind, namespace, name }: SourceRef,
  observed: Observation | undefined,
  key: InstallKey | undefined,
): Observation | undefined {
  if (typeof observed !== 'object' || observed.hash === ABSENT) return observed
  if (!key) return 'unavailable'
  const hmac = createHmac('sha256', key.key).update(objectBinding(kind, namespace, name) + observed.hash)
  return { ...observed, hash: keyedPrefix(key) + hmac.digest('hex').slice(0, 16) }
}

function merge(native: Comparison, compat: Comparison): Comparison {
  return {
    changed: [...new Set([...native.changed, ...compat.changed])],
    deleted: [...new Set([...native.deleted, ...compat.deleted])],
    paused: [...native.paused, ...compat.paused],
    unread: [...native.unread, ...compat.unread],
    unreadable: [...native.unreadable, ...compat.unreadable],
    desiredChecksums: new Map([
      ...native.desiredChecksums,
      ...[...compat.desiredChecksums].map(([id, checksum]) => [COMPAT + id, checksum] as const),
    ]),
    newBaselines: new Map([...native.newBaselines, ...compat.newBaselines]),
    staleBaselines: [...native.staleBaselines, ...compat.staleBaselines],
  }
}
