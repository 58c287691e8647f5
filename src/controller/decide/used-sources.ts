/** Which ConfigMaps and Secrets one workload's rollouts and reloads depend on. Pure. */
import { type Candidate, candidates, type NamesOf } from '../../compat/request/reload-request.ts'
import type { UsedKeys } from '../../workload/checksum.ts'
import { idIn, type Use } from '../../workload/sources-in-use.ts'
import type { WorkloadSummary } from './workload-summary.ts'

/** Whose annotations count in a namespace. */
export interface AnnotationScope {
  /** `hotreload.dev/inject`: the namespace has our label. */
  native: boolean
  /** Other tools' annotations: Reloader's own flags include the namespace. */
  compat: boolean
}

export interface UsedSources {
  rollout: Use[]
  /** Reloaded in place. They need a rollout only while they are immutable. */
  inPlace: Use[]
  /** From other tools' annotations. */
  compat: Candidate[]
}

export function usedSources(summary: WorkloadSummary, scope: AnnotationScope, names: NamesOf): UsedSources {
  const { namespace, native, compat } = summary
  const inNamespace = ({ kind, name, keys, optional }: UsedKeys): Use => ({
    kind,
    namespace,
    name,
    optional,
    ...(keys ? { keys } : {}),
  })
  const rollout = scope.native ? (native?.sources.rollout ?? []).map(inNamespace) : []
  const inPlace = scope.native ? (native?.sources.inPlace ?? []).map(inNamespace) : []
  const all = scope.compat && compat ? candidates(compat, namespace, names) : []
  // Our own annotation covers these already. Only another tool's annotation that names a source adds a rollout for it.
  const covered = new Set([...rollout, ...inPlace].map((use) => idIn(namespace, use)))
  return {
    rollout,
    inPlace,
    compat: all.filter(({ use, explicit }) => explicit || !covered.has(idIn(namespace, use))),
  }
}

export const allUses = ({ rollout, inPlace, compat }: UsedSources): Use[] => [
  ...rollout,
  ...inPlace,
  ...compat.map(({ use }) => use),
]
