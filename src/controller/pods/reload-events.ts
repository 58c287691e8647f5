/**
 * Events on changes that Pods have taken in place, one for each change and workload: `Reloaded`, or `Restarted` with the annotation that is the
 * reason. They say only what the agents have confirmed: `ReloadSent` where a program can't confirm it. What is not confirmed yet is in memory only: a new leader reports nothing of it.
 */
import { idIn, type SourceRef } from '../../workload/sources-in-use.ts'
import type { WorkloadSummary } from '../decide/workload-summary.ts'
import { eventReasons, type Report } from '../report/report.ts'
import type { AgentState } from './agent-report.ts'

/** Part of what the controller remembers of a workload. */
export interface ReloadEventState {
  /** Changes that no Event has reported; undefined: none. */
  unreported: UnreportedChanges | undefined
  /** When the last Event was written, by the clock that only goes forward. */
  reloadReportedAt: number | undefined
}

interface UnreportedChanges {
  /** When the last of them was made, in milliseconds since 1970. */
  changedAt: number
  /** Sources as people read them -> the annotation for which they restart containers, if they do. */
  sources: ReadonlyMap<string, string | undefined>
}

/** Milliseconds between two Events of a workload whose ConfigMap is written all the time. What comes between goes into the next. */
const REPORT_EVERY = 60_000

export function noteChange(
  state: ReloadEventState,
  summary: WorkloadSummary,
  source: SourceRef,
  wall: number,
): void {
  const cause = summary.native?.restarting.get(idIn(summary.namespace, source))
  state.unreported = {
    changedAt: wall,
    sources: new Map([...(state.unreported?.sources ?? []), [`${source.kind} ${source.name}`, cause]]),
  }
}

/**
 * Reports the changes if every Pod has loaded them.
 * @param pods the state of each Pod's agents since the last change, without Pods that started with the new content
 * @returns in how many milliseconds it is worth to ask the agents again; undefined: nothing is left to report, or they are not done
 */
export function reportReloaded(
  report: Pick<Report, 'event'>,
  summary: WorkloadSummary,
  state: ReloadEventState,
  pods: readonly AgentState[],
  now: number,
): number | undefined {
  if (!state.unreported) return undefined
  if (pods.length === 0 || pods.some((one) => one !== 'loaded' && one !== 'sent')) return undefined
  const isProved = !pods.includes('sent')
  const waits = state.reloadReportedAt === undefined ? 0 : state.reloadReportedAt + REPORT_EVERY - now
  if (waits > 0) return waits
  const byCause = Map.groupBy(state.unreported.sources, ([, cause]) => cause)
  for (const [cause, sources] of byCause) {
    const changed = `${sources.map(([source]) => source).join(', ')} changed`
    const some = pods.length === 1 ? '1 Pod has' : `${pods.length} Pods have`
    const tail = `${some} ${isProved ? 'it' : 'been sent it, and the program can confirm nothing'}`
    const [proved, why] =
      cause === undefined ? [eventReasons.reloaded, ''] : [eventReasons.restarted, ` (${cause})`]
    const reason = isProved ? proved : eventReasons.reloadSent
    report.event(summary, 'Normal', reason, `${changed}${why}; ${tail}`)
  }
  state.unreported = undefined
  state.reloadReportedAt = now
  return undefined
}
