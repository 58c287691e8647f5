/** Which volumes of a workload's agents bring a change, and since when they are due. An agent that watches none of them is not concerned. Pure. */
import { sourceId } from '../../workload/checksum.ts'
import { idIn, keysetOf, type SourceRef } from '../../workload/sources-in-use.ts'
import type { WatchedSource } from '../decide/agent-summary.ts'
import type { WorkloadSummary } from '../decide/workload-summary.ts'

/** Container -> volume -> when the newest of its changes was made, in milliseconds since 1970. */
export type DueVolumes = ReadonlyMap<string, ReadonlyMap<string, number>>

/** A changed source in one volume of an agent. */
export interface ConcernedVolume extends Pick<WatchedSource, 'volume' | 'restarts'> {
  container: string
}

/** @param changedKeysets the sets of keys whose content differs */
export function concernedVolumes(
  { namespace, native }: WorkloadSummary,
  source: SourceRef,
  changedKeysets: ReadonlySet<string>,
): ConcernedVolume[] {
  const id = idIn(namespace, source)
  return (native?.agents ?? []).flatMap(({ container, watched }) =>
    watched
      .filter((one) => sourceId(one) === id && changedKeysets.has(keysetOf(one)))
      .map(({ volume, restarts }) => ({ container, volume, restarts })),
  )
}

/** @param at milliseconds since 1970 */
export const dueSince = (concerned: readonly ConcernedVolume[], at: number): DueVolumes =>
  joinDue(concerned.map(({ container, volume }) => new Map([[container, new Map([[volume, at]])]])))

export function joinDue(all: Iterable<DueVolumes>): DueVolumes {
  const joined = new Map<string, Map<string, number>>()
  for (const due of all)
    for (const [container, volumes] of due) {
      const ofContainer = joined.get(container) ?? new Map<string, number>()
      joined.set(container, ofContainer)
      for (const [volume, at] of volumes) ofContainer.set(volume, Math.max(at, ofContainer.get(volume) ?? 0))
    }
  return joined
}
