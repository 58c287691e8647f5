/** Which ConfigMaps and Secrets one workload's rollouts and reloads depend on. Pure. */
import { type Candidate, candidates, type NamesOf } from '../../compat/request/reload-request.ts'
import type { UsedKeys } from '../../workload/checksum.ts'
import { idIn, keysetOf, MOST_SOURCES, refId, type Use } from '../../workload/sources-in-use.ts'
import type { AgentSummary } from './agent-summary.ts'
import type { WorkloadSummary } from './workload-summary.ts'

/** Whose annotations count in a namespace. */
export interface AnnotationScope {
  /** `hotreload.dev/inject`: the namespace has our label. */
  native: boolean
  /** Other tools' annotations: Reloader's own flags include the namespace. */
  compat: boolean
  isNamespace: (name: string) => boolean
}

export interface UsedSources {
  rollout: Use[]
  /** Reloaded in place. They need a rollout only while they are immutable. */
  inPlace: Use[]
  /** What single agents watch of those in place, where it is not all that the workload uses: a change of other keys does not concern them. */
  inPlaceParts: Use[]
  /** From other tools' annotations. */
  compat: Candidate[]
  /** Named by an annotation, in another namespace that does not exist: nothing of it is read or watched. */
  unknown: Use[]
  /** Sentences on what is over a bound, and left out. */
  notes: string[]
}

/** Other namespaces that one workload may name: a watch of a namespace's Secrets takes some 70 kB. */
const MOST_FOREIGN_NAMESPACES = 16

export function usedSources(summary: WorkloadSummary, scope: AnnotationScope, names: NamesOf): UsedSources {
  const { namespace, native, compat } = summary
  const inNamespace = ({ kind, name, keys, optional }: UsedKeys): Use => ({
    kind,
    namespace,
    name,
    optional,
    ...(keys ? { keys } : {}),
  })
  const notes: string[] = []
  const note = (sentence: string): void => void notes.push(sentence)
  const planned = scope.native ? native?.sources : undefined
  const { length } = [...(planned?.rollout ?? []), ...(planned?.inPlace ?? [])]
  if (length > MOST_SOURCES)
    note(`uses ${length} ConfigMaps and Secrets; all after the first ${MOST_SOURCES} are left out`)
  const rollout = (planned?.rollout ?? []).slice(0, MOST_SOURCES).map(inNamespace)
  const inPlace = (planned?.inPlace ?? []).slice(0, MOST_SOURCES - rollout.length).map(inNamespace)
  const all = scope.compat && compat ? candidates(compat, namespace, names, note) : []
  const { near, unknown } = byNamespace(all, namespace, scope, note)
  // Our own annotation covers these already. Only another tool's annotation that names a source adds a rollout for it.
  const covered = new Set([...rollout, ...inPlace].map((use) => idIn(namespace, use)))
  return {
    rollout,
    inPlace,
    inPlaceParts: partsOf(inPlace, planned ? (native?.agents ?? []) : [], inNamespace),
    compat: near.filter(({ use, explicit }) => explicit || !covered.has(idIn(namespace, use))),
    unknown,
    notes,
  }
}

function partsOf(
  inPlace: readonly Use[],
  agents: readonly AgentSummary[],
  inNamespace: (used: UsedKeys) => Use,
): Use[] {
  const whole = new Map(inPlace.map((use) => [refId(use), keysetOf(use)]))
  const parts = new Map<string, Use>()
  for (const { watched } of agents)
    for (const use of watched.map(inNamespace)) {
      const [id, keyset] = [refId(use), keysetOf(use)]
      if (whole.has(id) && whole.get(id) !== keyset) parts.set(`${id} ${keyset}`, use)
    }
  return [...parts.values()]
}

/** Separates the sources of the workload's own and of other existing namespaces from those of unknown ones. */
function byNamespace(
  all: readonly Candidate[],
  own: string,
  { isNamespace }: AnnotationScope,
  note: (sentence: string) => void,
): { near: Candidate[]; unknown: Use[] } {
  const foreign = new Set(all.map(({ use }) => use.namespace))
  foreign.delete(own)
  if (foreign.size > MOST_FOREIGN_NAMESPACES)
    note(
      `annotations name ${foreign.size} other namespaces; all after the first ${MOST_FOREIGN_NAMESPACES} are left out`,
    )
  const first = new Set([own, ...[...foreign].slice(0, MOST_FOREIGN_NAMESPACES)])
  const within = all.filter(({ use }) => first.has(use.namespace))
  const isKnown = ({ use }: Candidate): boolean => use.namespace === own || isNamespace(use.namespace)
  return {
    near: within.filter(isKnown),
    unknown: within.filter((one) => !isKnown(one)).map(({ use }) => use),
  }
}

export const allUses = ({ rollout, inPlace, inPlaceParts, compat }: UsedSources): Use[] => [
  ...rollout,
  ...inPlace,
  ...inPlaceParts,
  ...compat.map(({ use }) => use),
]
