/**
 * Reads a workload object into the few values that the controller keeps of it. The plan is the webhook's own (policy/decide.ts), so that
 * both agree on what needs new Pods. Pure.
 */

import { chartChecksumKeys } from '../../checksum/chart-checksum.ts'
import type { PlannedSources } from '../../checksum/expected-checksums.ts'
import type { CompatOptions } from '../../compat/request/options.ts'
import type { ReloadRequest } from '../../compat/request/reload-request.ts'
import { readRequest } from '../../compat/tools.ts'
import { isPaused, writtenKey } from '../../policy/annotations.ts'
import { classifyReferences } from '../../policy/classify-references.ts'
import type { Defaults } from '../../policy/defaults.ts'
import { annotationsOf, INJECT, isOptedIn } from '../../policy/mirror.ts'
import { readWorkload } from '../../policy/read-workload.ts'
import { parseChecksums, usedKeys } from '../../workload/checksum.ts'
import { isObject } from '../../workload/json-object.ts'
import { isSuspended, keptPods, replacesItsPods, rolloutStatusOf } from '../../workload/kinds.ts'
import type { ObjectVersion } from '../../workload/object-version.ts'
import { type ApiObject, controller, podTemplate } from '../../workload/pod-template.ts'
import type { RolloutStatus } from '../../workload/rollout-progress.ts'
import { type AgentSummary, agentSummaries } from './agent-summary.ts'
import { gatedSources } from './gate-verdict.ts'

export interface WorkloadSummary extends ObjectVersion, RolloutStatus {
  generation: number
  /** What `hotreload.dev/inject` asks for, if it does. */
  native: NativeSummary | undefined
  /** What another tool's annotations ask for, if any do. */
  compat: ReloadRequest | undefined
  /** The checksum annotation on the metadata, for the compat request. `kubectl rollout undo` does not revert metadata. */
  compatChecksums: ReadonlyMap<string, string>
  /** `hotreload.dev/pause` */
  isPaused: boolean
  /** The template has a chart's own `checksum/…` annotation. */
  hasChartChecksum: boolean
  /** `spec.paused` of a Deployment or Rollout, `spec.suspend` of a CronJob. */
  isSuspended: boolean
  /** Why a rollout leaves Pods as they are, for people; undefined: it replaces all of them. */
  keptPods: string | undefined
  /** Its Pods' label selector; undefined where it has no Pods of its own. */
  selector: string | undefined
}

export interface NativeSummary {
  /** The checksum annotation of the template. */
  checksums: ReadonlyMap<string, string>
  sources: PlannedSources
  /** How many Pods are nudged first; undefined: all at once. */
  canary: number | undefined
  /** Seconds of the longest trial of new content in a Pod; 0: none. */
  bake: number
  /** Ids of the sources that a gate shows to a program. */
  gated: ReadonlySet<string>
  /** Of each Pod, each with a port of its own. */
  agents: readonly AgentSummary[]
  /** The template requests the agent: its Pods have it, unless the webhook was down when they were created. */
  injected: boolean
}

export interface SummaryOptions {
  defaults: Defaults
  compat: CompatOptions
}

const CHECKSUM = writtenKey('checksum')

/** Undefined: the workload requests nothing, or another controller owns it, whose own object counts. */
export function summarize(
  workload: ApiObject,
  { defaults, compat }: SummaryOptions,
): WorkloadSummary | undefined {
  const { metadata = {}, kind = '', apiVersion = '' } = workload
  if (controller(metadata) && kind !== 'Job') return undefined
  const native = nativeSummary(workload, defaults)
  const request = compat.enabled ? readRequest(workload, compat) : undefined
  if (!native && !request) return undefined
  const spec = isObject(workload['spec']) ? workload['spec'] : {}
  return {
    apiVersion,
    kind,
    namespace: metadata.namespace ?? '',
    name: metadata.name ?? '',
    uid: metadata.uid ?? '',
    resourceVersion: metadata.resourceVersion ?? '',
    generation: metadata.generation ?? 0,
    native,
    compat: request,
    compatChecksums: parseChecksums(metadata.annotations?.[CHECKSUM]),
    isPaused: isPaused({ ...defaults.annotations, ...metadata.annotations }),
    hasChartChecksum: chartChecksumKeys(podTemplate(workload) ?? {}).length > 0,
    isSuspended: isSuspended(workload),
    ...rolloutStatusOf(workload),
    keptPods: keptPods(workload),
    selector: selectorOf(spec['selector']),
  }
}

function nativeSummary(workload: ApiObject, defaults: Defaults): NativeSummary | undefined {
  const template = podTemplate(workload)
  if (!template || !isOptedIn(workload)) return undefined
  const annotations = annotationsOf(template)
  const { plan, problems } = readWorkload(workload, defaults, { annotations, conflicts: [] })
  if (problems.length > 0) return undefined
  const { rollout, inPlace } = classifyReferences(plan)
  return {
    checksums: parseChecksums(annotations[CHECKSUM]),
    // A Job's run reads its sources as they are when it starts.
    sources: { rollout: replacesItsPods(workload) ? usedKeys(rollout) : [], inPlace: usedKeys(inPlace) },
    canary: plan.policy.shared.canary,
    bake: Math.max(0, ...plan.containers.map(({ gate }) => gate?.trial?.bake ?? 0)),
    gated: gatedSources(plan),
    agents: agentSummaries(plan, inPlace),
    injected: annotations[INJECT]?.trim() === 'true',
  }
}

/** A label selector as a query has it: `app=web,tier in (a,b)`. */
function selectorOf(selector: unknown): string | undefined {
  if (!isObject(selector)) return undefined
  const { matchLabels, matchExpressions } = selector as {
    matchLabels?: Record<string, string>
    matchExpressions?: { key: string; operator: string; values?: string[] }[]
  }
  const terms = [
    ...Object.entries(matchLabels ?? {}).map(([key, value]) => `${key}=${value}`),
    ...(matchExpressions ?? []).map(({ key, operator, values = [] }) => {
      if (operator === 'Exists') return key
      if (operator === 'DoesNotExist') return `!${key}`
      return `${key} ${operator === 'In' ? 'in' : 'notin'} (${values.join(',')})`
    }),
  ]
  return terms.length > 0 ? terms.join(',') : undefined
}
