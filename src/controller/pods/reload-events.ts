/**
 * Events on changes that Pods have taken in place, one for each change and workload: `Reloaded`, or `Restarted` with the annotation that is the
 * reason. They say only what the agents have confirmed: `ReloadSent` where a program can't confirm it. What is not confirmed yet is in memory only: a new leader reports nothing of it.
 */
import type { Clock } from '../../async/clock.ts'
import type { SourceRef } from '../../workload/sources-in-use.ts'
import type { WorkloadSummary } from '../decide/workload-summary.ts'
import { eventReasons, type Report } from '../report/report.ts'
import { type AgentState, SKEW } from './agent-report.ts'
import { type ConcernedVolume, type DueVolumes, dueSince, joinDue } from './due-volumes.ts'

/** Part of what the controller remembers of a workload. */
export interface ReloadEventState {
  /** Changes that no Event has reported, by their sources as people read them. */
  unreported: ReadonlyMap<string, UnreportedChange>
  /** When the last Event was written, by the clock that only goes forward. */
  reloadReportedAt: number | undefined
  /** When a source changed last, in milliseconds since 1970. */
  changedAt: number | undefined
}

interface UnreportedChange {
  /** When the source changed last, in milliseconds since 1970. */
  at: number
  /** What the agents must load. */
  due: DueVolumes
  /** The annotation for which it restarts containers; undefined: it restarts none. */
  cause: string | undefined
}

/** Shared, since most workloads never have any. */
export const noChanges: ReadonlyMap<string, UnreportedChange> = new Map()

/** Milliseconds between two Events of a workload whose ConfigMap is written all the time. What comes between goes into the next. */
const REPORT_EVERY = 60_000
/**
 * Milliseconds after which a change that some agent has not seen is forgotten: it was taken back before the kubelet looked. Others that wait have
 * another state by then.
 */
const FORGOTTEN_AFTER = 600_000

/** Milliseconds within which a reload may still be that of the change before: a kubelet brings a change to a Pod that nobody nudges within 90 s. */
const FOLLOWS_WITHIN = 120_000

/** A change of a source that these volumes bring. @param wall milliseconds since 1970 */
export function noteChange(
  state: ReloadEventState,
  source: SourceRef,
  concerned: readonly ConcernedVolume[],
  wall: number,
): void {
  // Programs that watch their files by themselves have no agent that could confirm anything.
  if (concerned.length === 0) return
  const name = `${source.kind} ${source.name}`
  const before = state.unreported.get(name)?.due ?? new Map()
  const cause = concerned.find(({ restarts }) => restarts !== undefined)?.restarts
  // Without the tolerance for nodes' clocks, the reload of the last change could count as that of this one.
  const isFollower = state.changedAt !== undefined && wall - state.changedAt < FOLLOWS_WITHIN
  state.changedAt = wall
  const due = joinDue([before, dueSince(concerned, isFollower ? wall + SKEW : wall)])
  state.unreported = new Map(state.unreported).set(name, { at: wall, due, cause })
}

/** What the agents must load before an Event reports it. */
export const unreportedDue = ({ unreported }: ReloadEventState): DueVolumes =>
  joinDue([...unreported.values()].map(({ due }) => due))

/**
 * Reports the changes if every Pod has loaded them.
 * @param all the state of each Pod that they concern
 * @returns in how many milliseconds it is worth to ask the agents again; undefined: nothing is left to report, or they are not done
 */
export function reportReloaded(
  report: Pick<Report, 'event'>,
  summary: WorkloadSummary,
  state: ReloadEventState,
  all: readonly AgentState[],
  clock: Pick<Clock, 'now' | 'wall'>,
): number | undefined {
  if (state.unreported.size === 0 || all.length === 0) return undefined
  if (all.includes('notStarted')) {
    const isYoung = ({ at }: UnreportedChange): boolean => clock.wall() - at < FORGOTTEN_AFTER
    state.unreported = new Map([...state.unreported].filter(([, change]) => isYoung(change)))
  }
  const pods = all.filter((one) => one !== 'started')
  if (pods.some((one) => one !== 'loaded' && one !== 'sent')) return undefined
  if (pods.length === 0) {
    state.unreported = noChanges
    return undefined
  }
  const now = clock.now()
  const isProved = !pods.includes('sent')
  const waits = state.reloadReportedAt === undefined ? 0 : state.reloadReportedAt + REPORT_EVERY - now
  if (waits > 0) return waits
  const byCause = Map.groupBy(state.unreported, ([, { cause }]) => cause)
  for (const [cause, sources] of byCause) {
    const changed = `${sources.map(([source]) => source).join(', ')} changed`
    const some = pods.length === 1 ? '1 Pod has' : `${pods.length} Pods have`
    const tail = `${some} ${isProved ? 'it' : 'been sent it, and the program can confirm nothing'}`
    const [proved, why] =
      cause === undefined ? [eventReasons.reloaded, ''] : [eventReasons.restarted, ` (${cause})`]
    const reason = isProved ? proved : eventReasons.reloadSent
    report.event(summary, 'Normal', reason, `${changed}${why}; ${tail}`)
  }
  state.unreported = noChanges
  state.reloadReportedAt = now
  return undefined
}
