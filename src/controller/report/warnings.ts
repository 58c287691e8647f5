/** Events that warn of what a reconcile has found, whether or not it rolls anything out. */
import { grantSecrets, manual } from '../../manual.ts'
import { SHARE_WITH } from '../../policy/annotations.ts'
import { enumerate } from '../../policy/values/bounds.ts'
import { describeSources, type SourceDiff } from '../decide/source-diff.ts'
import type { WorkloadSummary } from '../decide/workload-summary.ts'
import { type EventReason, eventReasons, type Report } from './report.ts'

/** Sources that are named for one reason, each in an Event of its own. */
const MOST_NAMED = 20

/** Annotations that were not understood, and sources that are over a bound, not shared, or could not be read. */
export function warnOfInput(
  report: Pick<Report, 'event' | 'unreadable'>,
  summary: WorkloadSummary,
  diff: SourceDiff,
): void {
  const warn = (reason: EventReason, sentence: string): void =>
    report.event(summary, 'Warning', reason, sentence)
  const warnOfEach = (reason: EventReason, ids: readonly string[], tail: string): void => {
    for (const source of describeSources(summary, diff, ids.slice(0, MOST_NAMED)))
      warn(reason, `${source} ${tail}`)
    if (ids.length > MOST_NAMED) warn(reason, `${ids.length - MOST_NAMED} more sources, of each: it ${tail}`)
  }
  for (const sentence of summary.compat?.problems ?? []) warn(eventReasons.notUnderstood, sentence)
  for (const sentence of diff.notes) warn(eventReasons.limitExceeded, sentence)
  warnOfEach(
    eventReasons.notShared,
    diff.notShared,
    `is not shared with namespace ${summary.namespace}, or does not exist: it needs the annotation ${SHARE_WITH}: ${summary.namespace}`,
  )
  const notShared = new Set(diff.notShared)
  const unreadable = diff.merged.unreadable.filter(({ id }) => !notShared.has(id))
  for (const { why } of unreadable) report.unreadable(why, summary.kind)
  warnOfEach(
    eventReasons.unreadable,
    // Anything else is tried again, and need not be fixed by a person.
    unreadable.filter(({ why }) => why === 'forbidden').map(({ id }) => id),
    `may not be read: ${grantSecrets(summary.namespace)}, or its changes roll nothing out`,
  )
}

/** A gate holds back what a rollout would give to new Pods. */
export function warnOfHeld(report: Pick<Report, 'event'>, summary: WorkloadSummary, diff: SourceDiff): void {
  const sources = describeSources(summary, diff, diff.merged.changed)
  report.event(
    summary,
    'Warning',
    eventReasons.rolloutHeld,
    `mend what changed, or hotreload approve ${summary.kind}/${summary.name}: a gate holds it back, so no new Pods come for ${enumerate(sources)}`,
  )
}

export function warnOfReverts(report: Pick<Report, 'event'>, summary: WorkloadSummary): void {
  report.event(
    summary,
    'Warning',
    eventReasons.checksumReverted,
    `somebody removed hotreload.dev/checksum 3 times in 10 minutes, so nothing is rolled out until that ends: ${manual('gitops')}`,
  )
}
