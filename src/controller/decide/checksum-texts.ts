/** A workload's word on its Pods, as text to compare. Pure. */

import type { Workload } from '../cache/workloads.ts'
import type { Evaluation } from './evaluate.ts'

/** What the workload says of the sources that count now, and what we would write. */
export function checksumTexts(
  { facts }: Pick<Workload, 'facts'>,
  { native, compat }: Evaluation,
): [have: string, want: string] {
  const text = (target: ReadonlyMap<string, string>, stamp: ReadonlyMap<string, string> | undefined) =>
    [...target.keys()].map((id) => stamp?.get(id) ?? '').join()
  return [
    `${text(native.target, facts.native?.stamp)};${text(compat.target, facts.compatStamp)}`,
    `${text(native.target, native.target)};${text(compat.target, compat.target)}`,
  ]
}
