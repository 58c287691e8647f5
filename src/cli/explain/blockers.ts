/** Finds what blocks a change outside of the plan: missing sources, pauses and update strategies. Pure. */

import { plannedSources } from '../../checksum/expected-checksums.ts'
import { manual } from '../../manual.ts'
import { isPaused, PAUSE } from '../../policy/annotations.ts'
import type { Defaults } from '../../policy/defaults.ts'
import type { PodPlan } from '../../policy/plan.ts'
import type { UsedKeys } from '../../workload/checksum.ts'
import {
  inPlacePolicy,
  isSuspended,
  keptPods,
  replacesItsPods,
  workloadKindOf,
} from '../../workload/kinds.ts'
import type { ApiObject } from '../../workload/pod-template.ts'

/** Sources that do not exist, though Pods can't start without them. */
export function missingSources(plan: PodPlan, content: (used: UsedKeys) => unknown): string[] {
  const { rollout, inPlace } = plannedSources(plan)
  const missing = [...rollout, ...inPlace].filter((used) => !used.optional && content(used) === 'absent')
  return [...new Set(missing.map(({ kind, name }) => `${kind} ${name} is not there, and Pods wait for it`))]
}

/**
 * What the user, or the policy file, set to delay or prevent rollouts.
 * @param rollsOut some change rolls out
 */
export function blockers(object: ApiObject, defaults: Defaults, rollsOut: boolean): string[] {
  const own = object.metadata?.annotations ?? {}
  const { suspend = [] } = workloadKindOf(object) ?? {}
  const kept = keptPods(object)
  const inPlace = inPlacePolicy(object) !== undefined
  return [
    ...(isPaused({ ...defaults.annotations, ...own })
      ? [
          `${PAUSE} is "true"${PAUSE in own ? '' : ' in the policy file'}: no rollout and no nudge until it is taken away`,
        ]
      : []),
    ...(replacesItsPods(object) && isSuspended(object)
      ? [`${suspend.join('.')} is true: nothing rolls out until it is resumed`]
      : []),
    // The opt-in changes annotations of the template, too.
    ...(kept && inPlace ? [`${kept}: ${manual('limits')}`] : []),
    ...(kept && !inPlace && rollsOut ? [kept] : []),
  ]
}
