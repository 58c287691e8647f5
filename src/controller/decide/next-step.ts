/** What to do about a workload now: a rollout, nothing, or wait, for what, and until when. Pure. */

import type { Progress } from '../../workload/rollout-progress.ts'
import type { Comparison } from './compare.ts'

/** What a rollout waits for; the values are labels of a metric. */
export type Waiting =
  | 'unread'
  | 'paused'
  | 'sourcePaused'
  | 'workloadPaused'
  | 'reverted'
  | 'quiet'
  | 'inProgress'
  | 'pausePeriod'
  | 'limit'

export type Step =
  | { do: 'nothing' }
  /** Looked at again when something changes, or after `milliseconds`. */
  | { do: 'wait'; for: Waiting; milliseconds?: number }
  | { do: 'rollout' }

/** Milliseconds without a further change before new Pods are made: editors, GitOps tools and `kubectl apply -f DIR` write several objects. */
export const QUIET = 1_000
/** The same where a chart's own checksum stands in the template: Helm updates the workload itself a few seconds later. */
const QUIET_FOR_CHARTS = 10_000
/** The same where a source is gone: `kubectl replace --force` deletes and creates. */
const QUIET_FOR_VANISHED = 10_000
/** However often something changes, a rollout waits this many quiet periods at most. */
const MOST_QUIET_PERIODS = 10
/** A rollout that has not come to an end by then is not waited for: its cure may be the very change that waits. As progressDeadlineSeconds. */
export const OVERDUE = 600_000

/** What the clock and the neighbours say. Times are milliseconds since 1970. */
export interface Circumstances {
  now: number
  /** `hotreload.dev/pause` on the workload. */
  isPaused: boolean
  /** `spec.paused`. */
  isSuspended: boolean
  progress: Progress
  /** When the present rollout was first seen. */
  runningSince: number | undefined
  hasChartChecksum: boolean
  /** When the target became what it is now, and when there was first something to do. */
  changedAt: number
  firstChangedAt: number
  /** Somebody keeps taking our annotation away: not before then. */
  revertBackoffUntil: number | undefined
  /** Reloader's pause-period: not before then. */
  pausePeriodUntil: number | undefined
  /** Whether the limits on concurrent rollouts leave room. */
  isLimiterAvailable: boolean
}

/** @param comparison of everything that may roll this workload out */
export function nextStep(comparison: Comparison, at: Circumstances): Step {
  if (comparison.changed.length === 0)
    return comparison.paused.length > 0 ? { do: 'wait', for: 'sourcePaused' } : { do: 'nothing' }
  // One rollout for all of a change set: what else changed must be known first.
  if (comparison.unread.length > 0) return { do: 'wait', for: 'unread' }
  if (at.isPaused) return { do: 'wait', for: 'paused' }
  if (at.isSuspended) return { do: 'wait', for: 'workloadPaused' }
  const until = (reason: Waiting, time: number | undefined): Step | undefined =>
    time !== undefined && time > at.now ? { do: 'wait', for: reason, milliseconds: time - at.now } : undefined
  const quiet = quietPeriod(comparison, at)
  return (
    until('reverted', at.revertBackoffUntil) ??
    until('quiet', Math.min(at.changedAt + quiet, at.firstChangedAt + quiet * MOST_QUIET_PERIODS)) ??
    (at.progress === 'running' ? until('inProgress', (at.runningSince ?? at.now) + OVERDUE) : undefined) ??
    until('pausePeriod', at.pausePeriodUntil) ??
    (at.isLimiterAvailable ? { do: 'rollout' } : { do: 'wait', for: 'limit' })
  )
}

function quietPeriod({ changed, vanished }: Comparison, { hasChartChecksum }: Circumstances): number {
  if (hasChartChecksum) return QUIET_FOR_CHARTS
  return vanished.length === changed.length ? QUIET_FOR_VANISHED : QUIET
}
