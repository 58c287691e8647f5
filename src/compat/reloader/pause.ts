/**
 * Reloader's pause period. After a rollout Reloader pauses the Deployment, and resumes it by a timer in memory; where Reloader is gone by
 * then, nobody resumes it. hotreload never pauses: a second rollout waits until the period after `paused-at` is over. Pure.
 */
import { FIELD_MANAGER } from '../../api/field-manager.ts'
import { parseDuration } from '../../workload/duration.ts'
import { isSuspended } from '../../workload/kinds.ts'
import type { ApiObject } from '../../workload/pod-template.ts'
import { quoted } from '../request/go-words.ts'
import type { ReloadRequest } from '../request/reload-request.ts'
import { reloaderKeys } from './annotations.ts'

/** Milliseconds between two rollouts; undefined: none is asked for, or it is no duration. */
export function pausePeriod({ kind, metadata }: ApiObject): number | undefined {
  const text = metadata?.annotations?.[reloaderKeys.pausePeriod]
  const seconds = text === undefined || kind !== 'Deployment' ? undefined : parseDuration(text)
  return seconds === undefined ? undefined : seconds * 1_000
}

export function pauseProblems(workload: ApiObject): string[] {
  const text = workload.metadata?.annotations?.[reloaderKeys.pausePeriod]
  return workload.kind !== 'Deployment' || text === undefined || pausePeriod(workload) !== undefined
    ? []
    : [`${reloaderKeys.pausePeriod}: ${quoted(text)} is not a duration such as 5m, and is left out`]
}

export function readPause(workload: ApiObject): Pick<ReloadRequest, 'notBefore' | 'resume'> {
  const pausedAt = Date.parse(workload.metadata?.annotations?.[reloaderKeys.pausedAt] ?? '')
  if (Number.isNaN(pausedAt)) return { notBefore: undefined, resume: undefined }
  const period = pausePeriod(workload)
  return {
    notBefore: period === undefined ? undefined : pausedAt + period,
    resume:
      // Where `paused-at` is ours, somebody else paused the Deployment: it stays paused.
      isSuspended(workload) && !ownsPausedAt(workload)
        ? { at: pausedAt + (period ?? 0), annotation: reloaderKeys.pausedAt }
        : undefined,
  }
}

/** Server-side apply records who wrote which field. */
function ownsPausedAt({ metadata }: ApiObject): boolean {
  const ours = metadata?.managedFields?.filter(({ manager }) => manager === FIELD_MANAGER) ?? []
  return ours.some(({ fieldsV1 }) => JSON.stringify(fieldsV1 ?? {}).includes(`"f:${reloaderKeys.pausedAt}"`))
}
