/** A workload's word on its Pods, as text to compare. Pure. */

import type { Workload } from '../cache/workloads.ts'
import type { Evaluation } from './evaluate.ts'

/** What the workload says of the sources that count now, and what we would write. */
export function checksumTexts(
  { summary }: Pick<Workload, 'summary'>,
  { native, compat }: Evaluation,
): [have: string, want: string] {
  const text = (target: ReadonlyMap<string, string>, checksum: ReadonlyMap<string, string> | undefined) =>
    [...target.keys()].map((id) => checksum?.get(id) ?? '').join()
  return [
    `${text(native.target, summary.native?.checksums)};${text(compat.target, summary.compatChecksums)}`,
    `${text(native.target, native.target)};${text(compat.target, compat.target)}`,
  ]
}
