/** What the agents of a workload's Pods watch, as far as the controller must know it to tell which of them a change concerns. Pure. */
import { envVolumes } from '../../inject/env-volumes.ts'
import { isVariable } from '../../policy/classify-references.ts'
import { methodOf } from '../../policy/methods/reload-methods.ts'
import type { PodPlan } from '../../policy/plan.ts'
import { PREFIX } from '../../policy/values/prefix.ts'
import { sourceId, type UsedKeys, usedKeys } from '../../workload/checksum.ts'
import type { Reference } from '../../workload/references.ts'
import { keysetOf } from '../../workload/sources-in-use.ts'

/** One source in a volume that an agent watches. */
export interface WatchedSource extends UsedKeys {
  /** As the agent's report names it. */
  volume: string
  /** The annotation for which a change of it restarts a process; undefined: it restarts none. */
  restarts: string | undefined
}

export interface AgentSummary {
  /** The container that it serves. */
  container: string
  watched: readonly WatchedSource[]
}

/**
 * Sets of keys of one workload that its agents watch, where a set is not all that the workload uses of the source. Each is a checksum at every
 * change. All after these count as the whole: then the agent is waited for though the change may not concern it.
 */
const MOST_KEYSETS = 100

/** In the order of the agents' ports. @param inPlace the plan's references that reload in place */
export function agentSummaries(plan: PodPlan, inPlace: readonly Reference[]): AgentSummary[] {
  const whole = new Map(usedKeys(inPlace).map((used) => [sourceId(used), used]))
  const keysets = new Set<string>()
  const bounded = (used: UsedKeys): UsedKeys => {
    const all = whole.get(sourceId(used)) ?? used
    if (keysetOf(all) === keysetOf(used)) return used
    const keyset = `${sourceId(used)} ${keysetOf(used)}`
    if (!keysets.has(keyset) && keysets.size >= MOST_KEYSETS) return { ...used, ...all }
    keysets.add(keyset)
    return used
  }
  const byContainer = Map.groupBy(inPlace, ({ container }) => container)
  return plan.containers
    .filter(({ agent }) => agent)
    .map((own): AgentSummary => {
      const { name } = own.container
      const mounted = (byContainer.get(name) ?? []).filter((one) => !isVariable(one))
      const restarts = methodOf(own.reload).endsProcess ? `${PREFIX}reload` : undefined
      const ofMounts = [...Map.groupBy(mounted, ({ volume = '' }) => volume)].flatMap(
        ([volume, references]) =>
          usedKeys(references).map((used) => ({ ...bounded(used), volume, restarts })),
      )
      const volumes = envVolumes(own)
      const ofVariables = own.env.map((source, index) => ({
        ...bounded(source),
        volume: volumes[index]?.name ?? '',
        restarts: `${PREFIX}env`,
      }))
      return { container: name, watched: [...ofMounts, ...ofVariables] }
    })
}
