/**
 * Reloader's pause-period. Reloader pauses the Deployment after a rollout and resumes it by a timer in memory; where it was taken away
 * in between, nobody would. We never pause: a second rollout waits until the period after the first is over, as `paused-at` tells. Pure.
 */
import type { ReloadRequest } from '../reload-request.ts'
import { reloaderKeys } from './reloader.ts'

/** Milliseconds since 1970; undefined: it is not paused, or not by Reloader. */
export function whenToResume(isSuspended: boolean, compat: ReloadRequest | undefined): number | undefined {
  if (!isSuspended || compat?.pausedAt === undefined || compat.pausedByUs) return undefined
  return compat.pausedAt + (compat.pausePeriod ?? 0)
}

/** A merge patch of exactly that version. */
export const resumeBody = ({ resourceVersion }: { resourceVersion: string }): object => ({
  metadata: { resourceVersion, annotations: { [reloaderKeys.pausedAt]: null } },
  spec: { paused: false },
})
