/**
 * Reads a workload, or a Pod, into what hotreload would do with it. The webhooks, the controller and all commands use this one reading, so
 * that they agree. Pure: the objects and the defaults in; what ConfigMaps and Secrets hold is not known here.
 */
import type { UserError } from '../errors.ts'
import {
  type ApiObject,
  controller,
  isReplaced,
  isReplacedPod,
  type PodTemplate,
  podTemplate,
} from '../workload/pod-template.ts'
import { isInjected } from '../workload/references.ts'
import { isOurs } from './annotations.ts'
import { type DecisionRequest, decide, type SkipReason, unsuitable } from './decide.ts'
import type { Defaults } from './defaults.ts'
import {
  type Annotations,
  annotationsOf,
  hasOptIn,
  INJECT,
  type Mirrored,
  mirror,
  pickAnnotations,
  withAnnotations,
} from './mirror.ts'
import type { PodPlan } from './plan.ts'
import { readPolicy } from './policy.ts'

export interface Reading {
  /** With the annotations that the reading is made of. */
  template: PodTemplate
  plan: PodPlan
  /** Why Pods get no agent; absent: they get one. */
  skip?: SkipReason
  /** Mistakes in the annotations. If there is one, nobody may act on the plan. */
  problems: UserError[]
  /** Sentences about annotations that hotreload does not know, and ignores. */
  unknown: string[]
  /** Sentences of the plan on what it can't do, for the user's terminal. */
  notes: string[]
}

export interface WorkloadReading extends Reading {
  isOptedIn: boolean
}

/**
 * @param mirrored the template's annotations, if not those that a creation mirrors from the metadata: the controller takes the stored ones
 * @param isManifest the workload's manifest is rewritten itself
 */
export function readWorkload(
  workload: ApiObject,
  defaults: Defaults,
  { annotations, conflicts }: Mirrored = mirrorOf(workload),
  isManifest = false,
): WorkloadReading {
  const metadata = annotationsOf(workload)
  const isOptedIn = hasOptIn(metadata, annotations)
  const template = withAnnotations(podTemplate(workload) ?? {}, annotations)
  const all = { ...pickAnnotations(metadata, isOurs), ...annotations }
  const { mistakes, misfits, ...reading } = read(template, all, {
    defaults,
    isBare: workload.kind === 'Pod' && !controller(workload.metadata),
    isManifest,
    isReplaced: isReplaced(workload),
  })
  // What does not fit the containers is no mistake of a workload that asks for nothing.
  return { ...reading, isOptedIn, problems: [...conflicts, ...mistakes, ...(isOptedIn ? misfits : [])] }
}

const mirrorOf = (workload: ApiObject): Mirrored =>
  mirror(annotationsOf(workload), annotationsOf(podTemplate(workload)))

export interface SkippedPod {
  skip: SkipReason
  plan?: undefined
  warnings: string[]
}

export interface PodToInject {
  skip?: undefined
  plan: PodPlan
  warnings: string[]
}

/**
 * Reads a Pod, or a template as if it were one: only its own annotations count.
 * @param isBare a user created the Pod, so that its mounts stay as they are
 */
export function readPod(
  pod: PodTemplate,
  defaults: Defaults,
  isBare = !controller(pod.metadata),
): PodToInject | SkippedPod {
  const annotations = annotationsOf(pod)
  const inject = annotations[INJECT]
  if (inject === undefined) return { skip: 'notRequested', warnings: [] }
  const obstacle = isInjected(pod) ? 'alreadyInjected' : unsuitable(pod)
  if (obstacle) return { skip: obstacle, warnings: [] }
  if (inject.trim() === 'false') return { skip: 'notRequested', warnings: [] }
  const { mistakes, misfits, ...reading } = read(pod, annotations, {
    defaults,
    isBare,
    isManifest: false,
    isReplaced: isReplacedPod(pod.metadata),
  })
  const problems = [...mistakes, ...misfits]
  const warnings = warningsOf({ ...reading, problems })
  const skip = problems.length > 0 ? 'invalid' : reading.skip
  return skip ? { skip, warnings } : { plan: reading.plan, warnings }
}

/** The one order of a reading's sentences: mistakes, then unknown annotations, then what the plan can't do. */
export const warningsOf = ({ problems, unknown, notes }: Omit<Reading, 'template' | 'plan'>): string[] => [
  ...problems.map(({ message }) => message),
  ...unknown,
  ...notes,
]

function read(
  template: PodTemplate,
  annotations: Annotations,
  fate: Pick<DecisionRequest, 'defaults' | 'isBare' | 'isManifest' | 'isReplaced'>,
) {
  const { policy, problems: mistakes, warnings: unknown } = readPolicy(annotations, fate.defaults)
  const { plan, problems: misfits, skip } = decide({ template, policy, ...fate })
  const notes = [...plan.containers.flatMap((one) => one.notes), ...plan.notes]
    .filter(({ warn }) => warn)
    .map(({ text }) => text)
  return { template, plan, ...(skip ? { skip } : {}), mistakes, misfits, unknown, notes }
}
