/**
 * What the gates of a workload say of a change that needs new Pods as well. A new Pod may start with what the gates of the others hold back, so
 * the rollout waits for their answer. Pure.
 */
import type { PodPlan } from '../../policy/plan.ts'
import { sourceId } from '../../workload/checksum.ts'
import { volumeSources } from '../../workload/references.ts'

export interface GateVerdict {
  /** When the agents were asked that answered, by Clock.now(). */
  at: number
  /** Ids of the sources that some Pod holds back or has reverted. */
  held: ReadonlySet<string>
  /** Some Pod has not judged a change yet, has it on trial, or does not answer. */
  isUndecided: boolean
}

/** Milliseconds that a rollout waits for the answer. After that nobody knows, as where agents can't be asked. */
const PATIENCE = 60_000

/** Ids of the sources that a gate shows to a program. */
export const gatedSources = ({ containers }: PodPlan): ReadonlySet<string> =>
  new Set(
    containers.flatMap(({ gate, volumes }) =>
      gate
        ? volumes
            .filter(({ name }) => gate.volumes.has(name))
            .flatMap((one) => volumeSources(one).map(sourceId))
        : [],
    ),
  )

/** `held`, until when to wait for the answer, or undefined: no gate stands in the way. @param changed ids of sources */
export function gateWait(
  changed: readonly string[],
  { gated, bake }: { gated: ReadonlySet<string>; bake: number },
  verdict: GateVerdict | undefined,
  changedAt: number,
): 'held' | number | undefined {
  const concerned = changed.filter((id) => gated.has(id))
  if (concerned.length === 0) return undefined
  const isOld = verdict === undefined || verdict.at < changedAt
  if (!isOld && concerned.some((id) => verdict.held.has(id))) return 'held'
  return isOld || verdict.isUndecided ? changedAt + bake * 1_000 + PATIENCE : undefined
}
