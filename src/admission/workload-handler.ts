/**
 * Handler of `/mutate/workloads`: a workload is created or updated. Its template gets our annotations and nothing else, and the user gets
 * the warnings: the only place where anybody reads them.
 */

import type { ConfigReader } from '../api/config-reader.ts'
import { keepChartChecksums } from '../checksum/chart-checksum.ts'
import type { ExpectedChecksums } from '../checksum/expected-checksums.ts'
import {
  keepUnread,
  replacesPods,
  restoreDropped,
  type WorkloadChange,
  withChecksum,
  workloadChange,
} from '../checksum/template-changes.ts'
import type { UserError } from '../errors.ts'
import { classifyReferences } from '../policy/classify-references.ts'
import type { Defaults } from '../policy/defaults.ts'
import { type Annotations, annotationsOf, withAnnotations } from '../policy/mirror.ts'
import { readWorkload, type WorkloadReading } from '../policy/read-workload.ts'
import { formatChecksums, type InstallKey } from '../workload/checksum.ts'
import { keptPods, runsToCompletion } from '../workload/kinds.ts'
import {
  type ApiObject,
  controller,
  type PodTemplate,
  podTemplate,
  withoutStrayNulls,
  withPodTemplate,
} from '../workload/pod-template.ts'
import type { AdmissionResponse, Handler } from './handler.ts'
import type { Reason } from './outcomes.ts'
import { encode, patchBetween } from './patch.ts'
import { readTemplateChecksums } from './template-checksums.ts'
import { idleWarnings, templatelessWarnings, workloadWarnings } from './workload-warnings.ts'

export interface WorkloadHandlerOptions {
  defaults: () => Defaults
  reader: ConfigReader
  /** Undefined until it exists: Secrets get no checksum until then. */
  installKey: () => InstallKey | undefined
}

export const workloadHandler =
  ({ defaults, reader, installKey }: WorkloadHandlerOptions): Handler =>
  async ({ object, oldObject: before, namespace = 'default' }) => {
    const [workload, oldObject] = [object && withoutStrayNulls(object), before && withoutStrayNulls(before)]
    const template = workload && podTemplate(workload)
    if (!workload) return skipped('noTemplate')
    if (!template) return { ...skipped('noTemplate'), warnings: templatelessWarnings(workload) }
    if (controller(workload.metadata)) return skipped('ownedByController')
    // A Job's template is immutable.
    if (oldObject && workload.kind === 'Job') return skipped('jobUpdate')

    const update = readUpdate(workload, template, oldObject, defaults())
    const { reading, change } = update
    if (reading.problems.length > 0 && change.keys) return denied(reading.problems)

    const readChecksums = () => readTemplateChecksums(reading.plan, namespace, reader, installKey())
    const frozen = await frozenAnnotations(update, readChecksums)
    const action = actionFor(update, frozen !== undefined)
    const checksums = action === 'renew' || action === 'complete' ? await readChecksums() : undefined
    const annotations = frozen ?? annotationsAfter(action, reading, checksums)
    const isChanged = change.keys || change.template
    return answer(workload, withAnnotations(template, annotations), [
      ...(change.keys ? idleWarnings(workload) : []),
      ...workloadWarnings(reading, {
        isChanged,
        isFrozen: action === 'freeze',
        keptPods: keptPods(workload),
        checksums,
        namespace,
      }),
    ])
  }

interface Update {
  change: WorkloadChange
  reading: WorkloadReading
  /** Of the old object. */
  oldTemplate: PodTemplate | undefined
  /** Whatever the checksum says. */
  replacesPods: boolean
  runsToCompletion: boolean
}

function readUpdate(
  workload: ApiObject,
  template: PodTemplate,
  oldObject: ApiObject | null,
  defaults: Defaults,
): Update {
  const change = workloadChange(workload, oldObject)
  const oldTemplate = oldObject ? podTemplate(oldObject) : undefined
  // If the user changed neither our keys nor the template, only what a PUT dropped is put back.
  const restored = {
    annotations: restoreDropped(annotationsOf(template), annotationsOf(oldTemplate)),
    conflicts: [],
  }
  const reading = readWorkload(workload, defaults, change.keys || change.template ? undefined : restored)
  return {
    change,
    reading,
    oldTemplate,
    replacesPods: replacesPods(reading.template, oldTemplate),
    runsToCompletion: runsToCompletion(workload),
  }
}

/** What happens to the template's checksums, besides the mirrored annotations. */
type Action = 'mirror' | 'takeBack' | 'freeze' | 'renew' | 'complete'

/**
 * |                              | the update replaces the Pods | only the checksum changed | neither |
 * | ---------------------------- | ---------------------------- | ------------------------- | ------- |
 * | not opted in                 | takeBack                     | mirror                    | mirror  |
 * | mistakes in the annotations  | mirror                       | mirror                    | mirror  |
 * | chart's checksums are frozen | freeze                       | -                         | -       |
 * | a Job or CronJob             | mirror                       | mirror                    | mirror  |
 * | any other workload           | renew                        | complete                  | mirror  |
 *
 * A checksum changes only if the Pods are replaced anyway, or somebody else wrote it: setting `pause` must not cause the rollout that it
 * is to prevent, and a checksum that outlived its opt-in waits for the next change of the template.
 */
function actionFor({ reading, replacesPods, change, runsToCompletion }: Update, isFrozen: boolean): Action {
  if (!reading.isOptedIn) return replacesPods ? 'takeBack' : 'mirror'
  if (reading.problems.length > 0) return 'mirror'
  if (isFrozen) return 'freeze'
  if (runsToCompletion) return 'mirror'
  if (replacesPods) return 'renew'
  return change.checksum ? 'complete' : 'mirror'
}

function annotationsAfter(
  action: Action,
  { template, plan }: WorkloadReading,
  checksums: ExpectedChecksums | undefined,
): Annotations {
  const annotations = annotationsOf(template)
  const checksum = checksums && formatChecksums(checksums.hashes)
  switch (action) {
    case 'takeBack':
    case 'renew':
      return withChecksum(annotations, checksum)
    case 'complete':
      return withChecksum(annotations, keepUnread(checksum, template, classifyReferences(plan).rollout))
    default:
      return annotations
  }
}

/**
 * `chart-checksum: freeze`: the template's annotations with the chart's old checksums, if every source that they cover reloads in place.
 * An immutable ConfigMap does not, and Pods created before the opt-in have no agent.
 */
async function frozenAnnotations(
  { reading: { template, plan, skip, problems }, oldTemplate }: Update,
  readChecksums: () => Promise<ExpectedChecksums>,
): Promise<Annotations | undefined> {
  const isFreeze = plan.policy.shared['chart-checksum'] === 'freeze'
  if (!isFreeze || !oldTemplate || skip !== undefined || problems.length > 0) return undefined
  const { rollout, inPlace } = classifyReferences(plan)
  const kept =
    inPlace.length > 0 && rollout.length === 0 ? keepChartChecksums(template, oldTemplate) : undefined
  return kept && (await readChecksums()).hashes.size === 0 ? kept : undefined
}

/** The patch contains only the difference to the request: the template's annotations. */
function answer(workload: ApiObject, template: PodTemplate, warnings: string[]): AdmissionResponse {
  const patch =
    template === podTemplate(workload) ? [] : patchBetween(workload, withPodTemplate(workload, template))
  return {
    allowed: true,
    patch: encode(patch),
    warnings,
    outcome: patch.length > 0 ? 'mutated' : 'unchanged',
  }
}

const denied = (problems: readonly UserError[]): AdmissionResponse => ({
  allowed: false,
  message: problems.map(({ message }) => message).join('\n'),
  warnings: [],
  outcome: 'denied',
})

const skipped = (reason: Reason): AdmissionResponse => ({
  allowed: true,
  warnings: [],
  outcome: 'skipped',
  reason,
})
