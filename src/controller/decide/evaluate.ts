/**
 * Which sources a workload's rollouts depend on, and how they compare. Two planes: what `hotreload.dev/inject` asks for, whose state is
 * the template's checksum, and what other tools' annotations ask for, whose state is the checksum on the metadata. Pure.
 */
import { createHmac } from 'node:crypto'
import type { Observation } from '../../checksum/expected-checksums.ts'
import type { CompatOptions } from '../../compat/options.ts'
import { type Candidate, candidates, type NamesOf } from '../../compat/reload-request.ts'
import { ABSENT, type InstallKey, type UsedKeys } from '../../workload/checksum.ts'
import { baselineId, idIn, type Use } from '../../workload/sources-in-use.ts'
import type { SourceState } from '../cache/sources.ts'
import type { Baseline } from '../rollout/baselines.ts'
import { type Comparison, compare, type View } from './compare.ts'
import type { WorkloadSummary } from './workload-summary.ts'

/** What the two planes may do in this workload's namespace. */
export interface Acting {
  /** The namespace has our label. */
  native: boolean
  /** Reloader's own flags leave the namespace in. */
  compat: boolean
}

export interface Used {
  rollout: Use[]
  /** Reloaded in place: rolled out only while immutable. */
  inPlace: Use[]
  compat: Candidate[]
}

/** Everything that has to be read for this workload. */
export function usedBy(summary: WorkloadSummary, acting: Acting, names: NamesOf): Used {
  const { namespace, native, compat } = summary
  const inNamespace = ({ kind, name, keys, optional }: UsedKeys): Use => ({
    kind,
    namespace,
    name,
    optional,
    ...(keys ? { keys } : {}),
  })
  const rollout = acting.native ? (native?.sources.rollout ?? []).map(inNamespace) : []
  const inPlace = acting.native ? (native?.sources.inPlace ?? []).map(inNamespace) : []
  const all = acting.compat && compat ? candidates(compat, namespace, names) : []
  // What reloads in place, or rolls out by our own checksum, does not roll out again for an annotation that names no object.
  const cared = new Set([...rollout, ...inPlace].map((use) => idIn(namespace, use)))
  return {
    rollout,
    inPlace,
    compat: all.filter(({ use, explicit }) => explicit || !cared.has(idIn(namespace, use))),
  }
}

export const allUses = ({ rollout, inPlace, compat }: Used): Use[] => [
  ...rollout,
  ...inPlace,
  ...compat.map(({ use }) => use),
]

export interface Lookups {
  state: (use: Use) => SourceState
  baseline: Baseline
  installKey: InstallKey | undefined
  compat: CompatOptions
}

export interface Evaluation {
  native: Comparison
  compat: Comparison
}

/** Compat sources stand apart in the baselines: they are hashed whole. */
const COMPAT = 'compat:'

export function evaluate(
  summary: WorkloadSummary,
  used: Used,
  { state, baseline, installKey, compat }: Lookups,
): Evaluation {
  const view = (use: Use, prefix: string, checksum: ReadonlyMap<string, string> | undefined): View => {
    const { observed, isPaused } = state(use)
    const id = idIn(summary.namespace, use)
    const key = prefix + baselineId(summary.namespace, use)
    return {
      id,
      baselineId: key,
      observed: use.namespace === summary.namespace ? observed : disguised(observed, installKey),
      checksum: checksum?.get(id),
      baseline: baseline.get(key),
      whenAppears: use.optional ? 'roll' : 'record',
      whenVanishes: use.optional ? 'roll' : 'wait',
      isPaused,
    }
  }
  const immutable = used.inPlace.filter((use) => {
    const { observed } = state(use)
    return observed === undefined || (typeof observed === 'object' && observed.immutable)
  })
  const rollingIds = new Set(used.rollout.map((use) => idIn(summary.namespace, use)))
  return {
    native: compare([
      ...used.rollout.map((use) => view(use, '', summary.native?.checksums)),
      ...immutable
        .filter((use) => !rollingIds.has(idIn(summary.namespace, use)))
        .map((use) => view(use, '', summary.native?.checksums)),
    ]),
    compat: compare(
      used.compat
        .filter(({ use, needsMatch }) => {
          const { marks } = state(use)
          return !marks.ignored && (!needsMatch || marks.match)
        })
        .map(({ use }) => ({
          ...view(use, COMPAT, summary.compatChecksums),
          // Reloader acts on updates only, unless told otherwise.
          whenAppears: compat.reloadOnCreate ? ('roll' as const) : ('record' as const),
          whenVanishes: compat.reloadOnDelete ? ('roll' as const) : ('wait' as const),
        })),
    ),
  }
}

/** Of another namespace's object: a plain hash would tell this one's users whether their guess at it is right. */
function disguised(observed: Observation | undefined, key: InstallKey | undefined): Observation | undefined {
  if (typeof observed !== 'object' || observed.hash === ABSENT) return observed
  if (!key) return 'unavailable'
  const hash = createHmac('sha256', key.key).update(observed.hash).digest('hex').slice(0, 16)
  return { ...observed, hash: `${key.id}:${hash}` }
}

/** Both planes as one: a workload is rolled out once for all that changed. */
export function merged({ native, compat }: Evaluation): Comparison {
  return {
    changed: [...new Set([...native.changed, ...compat.changed])],
    vanished: [...new Set([...native.vanished, ...compat.vanished])],
    paused: [...native.paused, ...compat.paused],
    unread: [...native.unread, ...compat.unread],
    unreadable: [...native.unreadable, ...compat.unreadable],
    target: new Map([
      ...native.target,
      ...[...compat.target].map(([id, hash]) => [COMPAT + id, hash] as const),
    ]),
    record: new Map([...native.record, ...compat.record]),
    forget: [...native.forget, ...compat.forget],
  }
}
