/** The checksums of both planes as text, so that two states of a workload can be compared for equality. Pure. */
import type { SourceDiff } from './source-diff.ts'
import type { WorkloadSummary } from './workload-summary.ts'

export interface ChecksumText {
  /** What the workload's annotations say of the sources that count now. */
  current: string
  /** What a rollout would write. */
  desired: string
}

export function checksumText(summary: WorkloadSummary, { native, compat }: SourceDiff): ChecksumText {
  const text = (checksums: (ReadonlyMap<string, string> | undefined)[]) =>
    [native, compat]
      .map(({ desiredChecksums }, plane) =>
        [...desiredChecksums.keys()].map((id) => checksums[plane]?.get(id) ?? '').join(),
      )
      .join(';')
  return {
    current: text([summary.native?.checksums, summary.compatChecksums]),
    desired: text([native.desiredChecksums, compat.desiredChecksums]),
  }
}
