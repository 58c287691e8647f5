/** Events that warn of what a reconcile has found, whether or not it rolls anything out. */
import { SHARE_WITH } from '../../policy/annotations.ts'
import { describeSources, type SourceDiff } from '../decide/source-diff.ts'
import type { WorkloadSummary } from '../decide/workload-summary.ts'
import { eventReasons, type Report } from './report.ts'

/** Annotations that were not understood, and sources that are not shared or could not be read. */
export function warnOfInput(
  report: Pick<Report, 'event' | 'unreadable'>,
  summary: WorkloadSummary,
  diff: SourceDiff,
): void {
  for (const sentence of summary.compat?.problems ?? [])
    report.event(summary, 'Warning', eventReasons.notUnderstood, sentence)
  for (const source of describeSources(summary, diff, diff.notShared))
    report.event(
      summary,
      'Warning',
      eventReasons.notShared,
      `${source} is not shared with namespace ${summary.namespace}, or does not exist: it needs the annotation ${SHARE_WITH}: ${summary.namespace}`,
    )
  for (const { id, why } of diff.merged.unreadable) {
    if (diff.notShared.includes(id)) continue
    report.unreadable(why, summary.kind)
    // Anything else is tried again, and need not be fixed by a person.
    if (why !== 'forbidden') continue
    const source = describeSources(summary, diff, [id]).join()
    report.event(
      summary,
      'Warning',
      eventReasons.unreadable,
      `${source} may not be read: apply deploy/secrets in namespace ${summary.namespace}, or its changes roll nothing out`,
    )
  }
}

export function warnOfReverts(report: Pick<Report, 'event'>, summary: WorkloadSummary): void {
  report.event(
    summary,
    'Warning',
    eventReasons.checksumReverted,
    'somebody removed hotreload.dev/checksum 3 times in 10 minutes, so nothing is rolled out until that ends; docs/gitops.md',
  )
}
