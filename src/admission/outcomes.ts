/** Every outcome of each webhook, with the key of its reason. They are labels of a metric, and public. */
import { type SkipReason, skipReasons } from '../policy/decide.ts'

/** Why the workloads webhook leaves an object as it is. */
const workloadSkips = ['noTemplate', 'ownedByController', 'jobUpdate'] as const

export type Reason = SkipReason | (typeof workloadSkips)[number] | 'unlabelled' | 'internalError'

export interface Outcome {
  outcome: 'injected' | 'mutated' | 'unchanged' | 'skipped' | 'denied' | 'failed'
  /** Of a skip or failure. */
  reason?: Reason
}

const skipped = (reason: Reason): Outcome => ({ outcome: 'skipped', reason })
const failed: Outcome = { outcome: 'failed', reason: 'internalError' }

export const outcomes = {
  pods: [{ outcome: 'injected' }, ...keysOf(skipReasons).map(skipped), failed],
  workloads: [
    { outcome: 'mutated' },
    { outcome: 'unchanged' },
    { outcome: 'denied' },
    ...workloadSkips.map(skipped),
    failed,
  ],
  unlabelled: [skipped('unlabelled'), skipped('notRequested'), failed],
} as const satisfies Record<string, readonly Outcome[]>

function keysOf<T extends object>(table: T): (keyof T)[] {
  return Object.keys(table) as (keyof T)[]
}
