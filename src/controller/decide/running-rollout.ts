/** A workload's rollout that is in progress, as the controller sees it. Pure. */
import type { RolloutStatus } from '../../workload/rollout-progress.ts'

/** Times are Clock.now(). */
export interface RunningRollout {
  /** When it was first seen. */
  since: number
  /** The most new Pods that were available at one time: a program that crashes again and again makes no progress. */
  newPods: number
  /** When that number last grew; `since`, where it never has. */
  progressedAt: number
}

/** Milliseconds without a further new Pod that is available. */
export const STALLED = 30_000

export const isInProgress = ({ progress }: Pick<RolloutStatus, 'progress'>): boolean =>
  progress === 'running' || progress === 'paused'

/** @param before undefined where another rollout, or none, was in progress */
export function runningRollout(
  before: RunningRollout | undefined,
  status: Pick<RolloutStatus, 'progress' | 'newPods'>,
  now: number,
): RunningRollout | undefined {
  if (!isInProgress(status)) return undefined
  const { newPods } = status
  if (!before) return { since: now, newPods, progressedAt: now }
  return newPods > before.newPods ? { ...before, newPods, progressedAt: now } : before
}
