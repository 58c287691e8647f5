/**
 * Handler of `/mutate/workloads`: a workload is created or updated. Its template gets our annotations and nothing else, and its user is told what to
 * expect: the only place where anybody reads it.
 */

import type { ConfigReader } from '../api/config-reader.ts'
import { frozen, isChartChecksum } from '../checksum/chart-checksum.ts'
import {
  type Annotations,
  type Change,
  changeOf,
  completed,
  isOptedIn,
  mirror,
  putBack,
  replacesPods,
  stamped,
  withAnnotations,
} from '../checksum/template-annotations.ts'
import { isOurs } from '../policy/annotations.ts'
import { classifyReferences } from '../policy/classify-references.ts'
import { type Decision, decide, skipReasons, unsuitable } from '../policy/decide.ts'
import type { Defaults } from '../policy/defaults.ts'
import { readPolicy } from '../policy/policy.ts'
import type { InstallKey } from '../workload/checksum.ts'
import { runsToCompletion } from '../workload/kinds.ts'
import {
  type ApiObject,
  controller,
  type PodTemplate,
  podTemplate,
  withPodTemplate,
} from '../workload/pod-template.ts'
import type { AdmissionRequest, Answer, Mutate } from './answer.ts'
import { patchBetween } from './patch.ts'
import { readTemplateChecksum } from './template-checksum.ts'

export interface WorkloadsOptions {
  defaults: () => Defaults
  reader: ConfigReader
  /** Undefined until it was made: Secrets are not hashed then. */
  installKey: () => InstallKey | undefined
}

export const workloadHandler =
  (options: WorkloadsOptions): Mutate =>
  async (request) => {
    const workload = request.object
    const old = request.oldObject ?? undefined
    const template = workload && podTemplate(workload)
    if (!workload || !template) return skipped('noTemplate')
    if (controller(workload.metadata)) return skipped('ownedByController')
    // A Job's template is immutable.
    if (old && workload.kind === 'Job') return skipped('jobUpdate')

    const change = changeOf(workload, old)
    const metadata = workload.metadata?.annotations ?? {}
    const { annotations, conflicts } = ourAnnotations(metadata, template, change, old)
    const mirrored = withAnnotations(template, annotations)
    const reading = readPolicy({ ...workloadKeys(metadata), ...annotations }, options.defaults())
    const optedIn = isOptedIn(metadata, annotations)
    const decision = decide(mirrored, reading.policy, options.defaults(), false)
    const problems = [...conflicts, ...reading.problems, ...(optedIn ? decision.problems : [])]
    if (problems.length > 0 && change.keys) return denied(problems.map(({ message }) => message))
    const warnings =
      change.keys || change.template ? [...problems.map(({ message }) => message), ...reading.warnings] : []
    const rolls = replacesPods(mirrored, old && podTemplate(old))
    // A stamp that outlived its opt-in (we were away) waits for the next change, rather than make one.
    if (!optedIn)
      return answer(
        workload,
        rolls ? withAnnotations(template, stamped(annotations, undefined)) : mirrored,
        warnings,
      )
    if (problems.length > 0) return answer(workload, mirrored, warnings)

    const freeze = reading.policy.shared['chart-checksum'] === 'freeze'
    const kept = freeze ? await chartChecksums(options, request, mirrored, decision) : undefined
    if (kept) return answer(workload, withAnnotations(template, kept), warnings)
    if (change.keys || change.template) warnings.push(...notes(decision, template, freeze))
    // Only where the Pods are replaced anyway, or somebody else wrote a stamp: setting `pause` must not roll out what it is to hold back.
    if (runsToCompletion(workload) || !(rolls || change.checksum)) return answer(workload, mirrored, warnings)
    const stamp = await readTemplateChecksum(
      decision.plan,
      request.namespace ?? 'default',
      options.reader,
      options.installKey(),
    )
    const checksum = rolls
      ? stamp.checksum
      : completed(stamp.checksum, mirrored, classifyReferences(decision.plan).rollout)
    return answer(workload, withAnnotations(template, stamped(annotations, checksum)), [
      ...warnings,
      ...stamp.warnings,
    ])
  }

/**
 * A chart's checksums as they were, where all that they speak of is brought into the running processes. An immutable ConfigMap is not, and
 * Pods made before the opt-in have no agent.
 */
async function chartChecksums(
  { reader, installKey }: WorkloadsOptions,
  { oldObject, namespace = 'default' }: AdmissionRequest,
  template: PodTemplate,
  { plan, skip }: Decision,
): Promise<Annotations | undefined> {
  const before = oldObject ? podTemplate(oldObject) : undefined
  const { rollout, inPlace } = classifyReferences(plan)
  const isInPlace = inPlace.length > 0 && rollout.length === 0 && skip === undefined
  const kept = before && isInPlace ? frozen(template, before) : undefined
  if (!kept) return undefined
  const { checksum } = await readTemplateChecksum(plan, namespace, reader, installKey())
  return checksum === undefined ? kept : undefined
}

/** Where the namespace has no label the other entries never see the workload, so that somebody must say why nothing happens. */
export const unlabelledHandler: Mutate = (request) => {
  const workload = request.object
  const template = (workload && podTemplate(workload)?.metadata?.annotations) ?? {}
  if (
    !workload ||
    !isOptedIn(workload.metadata?.annotations ?? {}, template) ||
    controller(workload.metadata)
  )
    return skipped('notRequested')
  const namespace = `namespace ${request.namespace ?? 'default'} has no label hotreload.dev/injection=enabled`
  return {
    allowed: true,
    // What a long name of a namespace cuts off is the last words, which go without saying.
    warnings: [`${namespace}, so hotreload.dev/inject does nothing on this ${workload.kind ?? 'workload'}`],
    outcome: 'skipped',
    reason: 'unlabelled',
  }
}

/** Mirrored and taken back where something of it changed; else as it was, with what a PUT dropped put back. */
function ourAnnotations(
  metadata: Annotations,
  template: PodTemplate,
  change: Change,
  old: ApiObject | undefined,
) {
  const own = template.metadata?.annotations ?? {}
  if (change.keys || change.template) return mirror(metadata, own)
  const before = old && podTemplate(old)?.metadata?.annotations
  return { annotations: putBack(own, before ?? {}), conflicts: [] }
}

const workloadKeys = (metadata: Annotations): Annotations =>
  Object.fromEntries(Object.entries(metadata).filter(([key]) => isOurs(key)))

function notes({ plan, skip }: Decision, template: PodTemplate, freeze: boolean): string[] {
  const reason = unsuitable(template)
  const { rollout, inPlace } = classifyReferences(plan)
  const charts = Object.keys(template.metadata?.annotations ?? {}).find(isChartChecksum)
  return [
    ...[...plan.containers.flatMap((one) => one.notes), ...plan.notes]
      .filter(({ warn }) => warn)
      .map(({ text }) => text),
    ...(reason && skip === reason ? [`Pods are not injected: ${skipReasons[reason]}`] : []),
    ...(charts && inPlace.length > 0 && !(freeze && rollout.length === 0)
      ? [
          `template annotation ${charts} changes with the ConfigMap, so Helm replaces the Pods anyway: docs/helm.md`,
        ]
      : []),
  ]
}

/** Only what differs from the request is patched: the template's annotations, and nothing else. */
function answer(workload: ApiObject, template: PodTemplate, warnings: string[]): Answer {
  const patch =
    template === podTemplate(workload) ? [] : patchBetween(workload, withPodTemplate(workload, template))
  return { allowed: true, patch, warnings, outcome: patch.length > 0 ? 'mutated' : 'unchanged' }
}

const denied = (messages: string[]): Answer => ({
  allowed: false,
  message: messages.join('\n'),
  warnings: [],
  outcome: 'denied',
})

const skipped = (reason: string): Answer => ({ allowed: true, warnings: [], outcome: 'skipped', reason })
