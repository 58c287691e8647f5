/**
 * Reloader's pause period. Reloader pauses a Deployment when it has changed its template, and resumes it after the period by a timer in memory;
 * where Reloader is gone by then, nobody resumes it. hotreload pauses nothing: the rollout itself comes after the period, so that Pods are new
 * at the same moment, with all changes until then. Pure.
 */
import { FIELD_MANAGER } from '../../api/field-manager.ts'
import { parseDuration } from '../../workload/duration.ts'
import { isSuspended } from '../../workload/kinds.ts'
import type { ApiObject } from '../../workload/pod-template.ts'
import { quoted } from '../request/go-words.ts'
import type { ReloadRequest } from '../request/reload-request.ts'
import { type Annotations, reloaderKeys } from './annotations.ts'

/**
 * Milliseconds between a change and its rollout; undefined: none is asked for, or it is no duration.
 * @param from the workload's and its template's annotations, the first of which count
 */
export function pausePeriod(kind: string | undefined, ...from: readonly Annotations[]): number | undefined {
  const text = textOf(kind, from)
  const seconds = text === undefined ? undefined : parseDuration(text)
  return seconds === undefined ? undefined : seconds * 1_000
}

export function pauseProblems(kind: string | undefined, ...from: readonly Annotations[]): string[] {
  const text = textOf(kind, from)
  return text === undefined || pausePeriod(kind, ...from) !== undefined
    ? []
    : [`${reloaderKeys.pausePeriod}: ${quoted(text)} is not a duration such as 5m, and is left out`]
}

const textOf = (kind: string | undefined, from: readonly Annotations[]): string | undefined =>
  kind === 'Deployment'
    ? from.map((one) => one[reloaderKeys.pausePeriod]).find((one) => one !== undefined)
    : undefined

/** The end of a pause that Reloader began. */
export function readResume(workload: ApiObject, period: number | undefined): ReloadRequest['resume'] {
  const pausedAt = Date.parse(workload.metadata?.annotations?.[reloaderKeys.pausedAt] ?? '')
  // Where `paused-at` is ours, somebody else paused the Deployment: it stays paused.
  return !Number.isNaN(pausedAt) && isSuspended(workload) && !ownsPausedAt(workload)
    ? { at: pausedAt + (period ?? 0), annotation: reloaderKeys.pausedAt }
    : undefined
}

/** Server-side apply records who wrote which field. */
function ownsPausedAt({ metadata }: ApiObject): boolean {
  const ours = metadata?.managedFields?.filter(({ manager }) => manager === FIELD_MANAGER) ?? []
  return ours.some(({ fieldsV1 }) => JSON.stringify(fieldsV1 ?? {}).includes(`"f:${reloaderKeys.pausedAt}"`))
}
