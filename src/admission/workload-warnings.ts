/**
 * Collects everything that the user of a workload should read at `kubectl apply`. The order is that of the function: warnings.ts drops the
 * last ones if there are too many. Pure.
 */
import { chartChecksumKey } from '../checksum/chart-checksum.ts'
import type { ExpectedChecksums } from '../checksum/expected-checksums.ts'
import { classifyReferences } from '../policy/classify-references.ts'
import { skipReasons, unsuitable } from '../policy/decide.ts'
import type { PodPlan } from '../policy/plan.ts'
import { type WorkloadReading, warningsOf } from '../policy/read-workload.ts'
import { sourceId, type UsedKeys } from '../workload/checksum.ts'
import type { Unreadable } from '../workload/source-content.ts'

export interface WarningContext {
  /** The user changed our annotations or the template: only then does what they say concern this update. */
  isChanged: boolean
  /** The chart's old checksums were kept, so that no Pod is replaced. */
  isFrozen: boolean
  /** If they were read. */
  checksums: ExpectedChecksums | undefined
  namespace: string
}

/** Mistakes, unknown annotations, what the plan can't do, why Pods get no agent, a chart's checksums, then unreadable and immutable sources. */
export function workloadWarnings(reading: WorkloadReading, context: WarningContext): string[] {
  const { isChanged, isFrozen, checksums, namespace } = context
  const isActedOn = reading.isOptedIn && reading.problems.length === 0 && !isFrozen
  return [
    ...(isChanged ? warningsOf(isActedOn ? reading : { ...reading, notes: [] }) : []),
    ...(isChanged && isActedOn ? [...injectionWarnings(reading), ...chartWarnings(reading)] : []),
    ...(checksums ? checksumWarnings(checksums, reading.plan, namespace) : []),
  ]
}

function injectionWarnings({ template, skip }: WorkloadReading): string[] {
  const reason = unsuitable(template)
  return reason && skip === reason ? [`Pods are not injected: ${skipReasons[reason]}`] : []
}

function chartWarnings({ template, plan }: WorkloadReading): string[] {
  const key = chartChecksumKey(template)
  const { rollout, inPlace } = classifyReferences(plan)
  const canFreeze = plan.policy.shared['chart-checksum'] === 'freeze' && rollout.length === 0
  return key && inPlace.length > 0 && !canFreeze
    ? [
        `template annotation ${key} changes with the ConfigMap, so Helm replaces the Pods anyway: docs/helm.md`,
      ]
    : []
}

function checksumWarnings(
  { unreadable, immutable }: ExpectedChecksums,
  plan: PodPlan,
  namespace: string,
): string[] {
  const usedAs = new Map(
    classifyReferences(plan)
      .rollout.toReversed()
      .map((reference) => [sourceId(reference), reference.as.replace('envFrom', 'env')]),
  )
  return [
    ...unreadable.map(({ used, why }) => unreadableWarning(used, why, usedAs.get(sourceId(used)), namespace)),
    ...immutable.map(
      ({ kind, name }) =>
        `${kind} ${name} is immutable, so it can't be updated in running Pods; a new one rolls out`,
    ),
  ]
}

function unreadableWarning(
  { kind, name }: UsedKeys,
  why: Unreadable,
  as: string | undefined,
  namespace: string,
): string {
  if (kind === 'ConfigMap' || why === 'unavailable')
    return `${kind} ${name} could not be read; its next change rolls out when the workload is applied again`
  return `Secret ${name} is used by ${as} but may not be read: apply deploy/secrets in namespace ${namespace}, or nothing rolls out`
}
