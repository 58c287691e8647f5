/** What to do about a workload now: roll it out, wait (for what, and for how long), or nothing. Pure. */
import type { Progress } from '../../workload/rollout-progress.ts'
import type { Comparison } from './compare.ts'
import { type RunningRollout, STALLED } from './running-rollout.ts'

/** What a rollout may wait for. The values are labels of a metric, and public. */
export const waitReasons = [
  'unread',
  'paused',
  'sourcePaused',
  'workloadPaused',
  'reverted',
  'quiet',
  'held',
  'inProgress',
  'pausePeriod',
  'limit',
] as const
export type Waiting = (typeof waitReasons)[number]

export type NextStep =
  | { do: 'nothing' }
  /** Until something changes, or until `milliseconds` have passed. */
  | { do: 'wait'; for: Waiting; milliseconds?: number }
  | { do: 'rollout' }

/** Milliseconds without a further change before a rollout: editors, GitOps tools and `kubectl apply -f DIR` write several objects. */
export const QUIET = 1_000
/** The same for a template with a chart's own checksum: Helm updates the workload itself a few seconds later. */
const QUIET_FOR_CHARTS = 10_000
/** The same after a deletion: `kubectl replace --force` deletes and creates. */
const QUIET_FOR_DELETED = 10_000
/** Changes that follow one another put a rollout off by at most this many quiet periods. */
const MOST_QUIET_PERIODS = 10
/** Milliseconds that a change waits at most for the rollout in progress. The same as the default progressDeadlineSeconds. */
export const OVERDUE = 600_000

/** Times are Clock.now(). */
export interface RolloutContext {
  now: number
  /** `hotreload.dev/pause` on the workload. */
  isPaused: boolean
  /** `spec.paused` or `spec.suspend`. */
  isSuspended: boolean
  progress: Progress
  /** The rollout in progress. */
  running: RunningRollout | undefined
  /** How many rollouts, one after the other, began while the one before was in progress: this one and those before it. */
  overtakes: number
  /** The template has a chart's own `checksum/…` annotation. */
  hasChartChecksum: boolean
  /** When the desired checksums became what they are now, and when they first differed. */
  changedAt: number
  firstChangedAt: number
  /** Another program keeps reverting our checksum: no rollout before then. */
  revertBackoffUntil: number | undefined
  /** Reloader's pause-period, in milliseconds: a rollout comes so long after the first change. */
  pausePeriod: number | undefined
  /** A gate of the workload holds the change; or until when to wait for its verdict; undefined: none stands in the way. */
  gate: 'held' | number | undefined
  /** The limits on concurrent rollouts allow one more. */
  isLimiterAvailable: boolean
}

export function nextStep(comparison: Comparison, context: RolloutContext): NextStep {
  if (comparison.changed.length === 0)
    return comparison.paused.length > 0 ? { do: 'wait', for: 'sourcePaused' } : { do: 'nothing' }
  // One rollout covers the whole change set, so every source must be known first.
  if (comparison.unread.length > 0) return { do: 'wait', for: 'unread' }
  if (context.isPaused) return { do: 'wait', for: 'paused' }
  if (context.isSuspended) return { do: 'wait', for: 'workloadPaused' }
  const { now, changedAt, firstChangedAt } = context
  const waitUntil = (reason: Waiting, time: number | undefined): NextStep | undefined =>
    time !== undefined && time > now ? { do: 'wait', for: reason, milliseconds: time - now } : undefined
  const quiet = quietPeriod(comparison, context)
  return (
    waitUntil('reverted', context.revertBackoffUntil) ??
    waitUntil('quiet', Math.min(changedAt + quiet, firstChangedAt + quiet * MOST_QUIET_PERIODS)) ??
    (context.gate === 'held' ? { do: 'wait', for: 'held' } : waitUntil('held', context.gate)) ??
    waitUntil('inProgress', mayOvertakeAt(context)) ??
    waitUntil('pausePeriod', firstChangedAt + (context.pausePeriod ?? 0)) ??
    (context.isLimiterAvailable ? { do: 'rollout' } : { do: 'wait', for: 'limit' })
  )
}

/**
 * When a change may overtake the rollout in progress. New Pods that are not available serve nobody, and the change may be what repairs them, so
 * the first goes at once. Each further one gives the new Pods more time: a program that takes long to start would never start otherwise.
 */
function mayOvertakeAt({ progress, running, overtakes }: RolloutContext): number | undefined {
  if (!running) return undefined
  const overdueAt = running.since + OVERDUE
  // Its new Pods are well, and it goes on by itself.
  if (progress === 'paused') return overdueAt
  const isFirst = running.newPods === 0 && overtakes === 0
  const patience = running.newPods > 0 ? STALLED : STALLED * 2 ** (overtakes - 1)
  return isFirst ? undefined : Math.min(running.progressedAt + patience, overdueAt)
}

function quietPeriod({ changed, deleted }: Comparison, { hasChartChecksum }: RolloutContext): number {
  if (hasChartChecksum) return QUIET_FOR_CHARTS
  return deleted.length === changed.length ? QUIET_FOR_DELETED : QUIET
}
