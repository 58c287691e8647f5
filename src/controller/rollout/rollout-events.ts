/**
 * Events on how a rollout goes: that it began, that all of its Pods are new, or that no further one becomes available. What has begun is in
 * memory only: a new leader reports no end of a rollout that began before.
 */
import { replacesItsPods } from '../../workload/kinds.ts'
import type { Workload } from '../cache/workloads.ts'
import { describeSources, type SourceDiff } from '../decide/source-diff.ts'
import type { WorkloadSummary } from '../decide/workload-summary.ts'
import { eventReasons, type Report } from '../report/report.ts'
import type { RolloutOutcome } from './template-rollout.ts'

/** Part of what the controller remembers of a workload. */
export interface RolloutEventState {
  /** Sources that changed, and whose rollout has not ended, by their ids; undefined: none. */
  rollingOut: ReadonlyMap<string, string> | undefined
}

/** Milliseconds without a further new Pod that is available, before an Event says so: most programs start within them. */
const REPORT_STALLED = 120_000

/** The rollout for these changes has begun. A run of a Job begins with the new content, so that its creation is all of it. */
export function reportStarted(
  report: Pick<Report, 'event'>,
  summary: WorkloadSummary,
  diff: SourceDiff,
  state: RolloutEventState,
  outcome: Exclude<RolloutOutcome, 'conflict'>,
): void {
  const { changed } = diff.merged
  const sentence = `${describeSources(summary, diff, changed).join(', ')} changed${tail(summary)}`
  if (!replacesItsPods(summary))
    return outcome === 'done'
      ? report.event(summary, 'Normal', eventReasons.rolledOut, sentence)
      : report.event(summary, 'Normal', eventReasons.rolloutStarted, `${sentence}; ${LATER}`)
  report.event(summary, 'Normal', eventReasons.rolloutStarted, sentence)
  const isStale = (id: string): boolean => diff.immutableBefore.has(id)
  for (const source of describeSources(summary, diff, changed.filter(isStale)))
    report.event(
      summary,
      'Warning',
      eventReasons.immutableReplaced,
      `give ${source} a new name, or scale to 0 and back: it was immutable and was created again, and a node that runs a Pod with the old one gives new Pods the old content`,
    )
  const fresh = changed
    .filter((id) => !isStale(id))
    .flatMap((id) => describeSources(summary, diff, [id]).map((name) => [id, name] as const))
  if (fresh.length > 0) state.rollingOut = new Map([...(state.rollingOut ?? []), ...fresh])
}

const LATER = 'the Job is created again once the old one is gone, which something keeps'

/** Reports the end of the rollout, or that it is stalled. Returns in how many milliseconds it would be. */
export function reportProgress(
  report: Pick<Report, 'event'>,
  { summary, running }: Workload,
  diff: SourceDiff,
  state: RolloutEventState,
  now: number,
): number | undefined {
  if (!state.rollingOut) return undefined
  const changed = `${[...state.rollingOut.values()].join(', ')} changed`
  if (summary.isComplete) {
    // `kubectl rollout undo`, or a newer change: these Pods are complete, and they are not those.
    const { true: behind = [], false: done = [] } = Object.groupBy(state.rollingOut, ([id]) =>
      String(diff.merged.changed.includes(id)),
    )
    state.rollingOut = behind.length > 0 ? new Map(behind) : undefined
    const names = done.map(([, name]) => name).join(', ')
    if (names !== '')
      report.event(summary, 'Normal', eventReasons.rolledOut, `${names} changed${tail(summary)}`)
    return undefined
  }
  // What the user has paused goes on when the user says so.
  const mayStall = running && summary.progress === 'running' && !summary.isSuspended
  const stalledIn = mayStall ? running.progressedAt + REPORT_STALLED - now : undefined
  if (summary.progress === 'stuck' || (stalledIn !== undefined && stalledIn <= 0))
    report.event(
      summary,
      'Warning',
      eventReasons.rolloutStalled,
      `${remedy(summary)}: ${changed}, and no further new Pod became available`,
    )
  return stalledIn !== undefined && stalledIn > 0 ? stalledIn : undefined
}

const tail = ({ keptPods }: WorkloadSummary): string => (keptPods === undefined ? '' : `; ${keptPods}`)

/** A StatefulSet waits for a Pod that is not ready, also with a mended template (kubernetes/kubernetes#67250). */
function remedy({ kind, namespace, selector }: WorkloadSummary): string {
  const pods = `kubectl describe pods -n ${namespace}${selector === undefined ? '' : ` -l '${selector}'`}`
  return kind === 'StatefulSet'
    ? `mend what changed, then delete the Pods that are not ready (${pods})`
    : `mend what changed, or look at the new Pods (${pods})`
}
