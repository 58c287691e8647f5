/**
 * Collects everything that the user of a workload should read at `kubectl apply`. The order is that of the function: warnings.ts drops the
 * last ones if there are too many. Pure.
 */
import { chartChecksumKeys } from '../checksum/chart-checksum.ts'
import type { ExpectedChecksums } from '../checksum/expected-checksums.ts'
import { grantSecrets, manual } from '../manual.ts'
import { isOurs, PREFIX } from '../policy/annotations.ts'
import { classifyReferences } from '../policy/classify-references.ts'
import { skipReasons, unsuitable } from '../policy/decide.ts'
import { annotationsOf, INJECT, idleKeys } from '../policy/mirror.ts'
import type { PodPlan } from '../policy/plan.ts'
import { type WorkloadReading, warningsOf } from '../policy/read-workload.ts'
import { enumerate } from '../policy/values/bounds.ts'
import { sourceId, type UsedKeys } from '../workload/checksum.ts'
import { type ApiObject, templateOwner } from '../workload/pod-template.ts'
import type { Unreadable } from '../workload/source-content.ts'

export interface WarningContext {
  /** The user changed our annotations or the template: only then does what they say concern this update. */
  isChanged: boolean
  /** The chart's old checksums were kept, so that no Pod is replaced. */
  isFrozen: boolean
  /** Why a rollout leaves Pods as they are. */
  keptPods: string | undefined
  /** If they were read. */
  checksums: ExpectedChecksums | undefined
  namespace: string
}

/** Mistakes, unknown annotations, what the plan can't do, why Pods get no agent, a chart's checksums, then unreadable and immutable sources. */
export function workloadWarnings(reading: WorkloadReading, context: WarningContext): string[] {
  const { isChanged, isFrozen, checksums, namespace, keptPods: kept } = context
  const isActedOn = reading.isOptedIn && reading.problems.length === 0 && !isFrozen
  const obstacle = unsuitable(reading.template)
  return [
    // What a plan can't do is no news where nothing could make it do more.
    ...(isChanged ? warningsOf(isActedOn && !obstacle ? reading : { ...reading, notes: [] }) : []),
    ...(isChanged && isActedOn && obstacle ? [`Pods are not injected: ${skipReasons[obstacle]}`] : []),
    ...(isChanged && isActedOn ? chartWarnings(reading) : []),
    ...(isChanged && isActedOn && kept && classifyReferences(reading.plan).rollout.length > 0 ? [kept] : []),
    ...(checksums ? checksumWarnings(checksums, reading.plan, namespace) : []),
  ]
}

/** The warning about annotations of a workload without a pod template, such as an Argo Rollout that refers to a Deployment. */
export function templatelessWarnings(workload: ApiObject): string[] {
  const key = Object.keys(annotationsOf(workload)).find(isOurs)
  return key === undefined
    ? []
    : [
        `annotate ${templateOwner(workload)} in its place: this ${workload.kind} has no pod template, so ${key} does nothing`,
      ]
}

/** The warning about annotations that have no effect because the workload is not opted in; none if there are none. */
export function idleWarnings(workload: ApiObject): string[] {
  const keys = idleKeys(workload)
  return keys.length === 0
    ? []
    : [
        `add ${INJECT}: "true" to this ${workload.kind}: without it ${enumerate(keys)} ${keys.length === 1 ? 'does' : 'do'} nothing`,
      ]
}

function chartWarnings({ template, plan }: WorkloadReading): string[] {
  const keys = chartChecksumKeys(template)
  const { rollout, inPlace } = classifyReferences(plan)
  const [first] = rollout
  if (keys.length === 0 || inPlace.length === 0) return []
  if (plan.policy.shared['chart-checksum'] === 'freeze' && !first) return []
  const annotations = `${keys.length === 1 ? 'annotation' : 'annotations'} ${enumerate(keys)}`
  return [
    first
      ? `Helm replaces the Pods whenever it changes ${annotations}; ${FREEZE} can't prevent it, because ${sourceId(first)} needs new Pods: ${manual('helm')}`
      : `set ${FREEZE}, or Helm replaces the Pods whenever it changes ${annotations}: ${manual('helm')}`,
  ]
}

const FREEZE = `${PREFIX}chart-checksum: freeze`

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
        `change ${kind} ${name} under a new name: it is immutable, and a node with an old Pod keeps the old content for new ones`,
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
  return `${grantSecrets(namespace)}, or nothing rolls out: Secret ${name} is used by ${as} but may not be read`
}
