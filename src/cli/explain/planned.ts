/** The webhook's plan for a workload as it is stored or written, opted in or not. Pure. */

import { isOptedIn, mirror, withAnnotations } from '../../checksum/template-annotations.ts'
import type { UserError } from '../../errors.ts'
import { isOurs, PREFIX } from '../../policy/annotations.ts'
import { type Decision, decide } from '../../policy/decide.ts'
import type { Defaults } from '../../policy/defaults.ts'
import { readPolicy } from '../../policy/policy.ts'
import {
  type ApiObject,
  controller,
  type PodTemplate,
  podTemplate,
  withPodTemplate,
} from '../../workload/pod-template.ts'

const INJECT = `${PREFIX}inject`

/** Whether it asks for us; a Pod asks by its own annotations. */
export function asks(object: ApiObject): boolean {
  const own = object.metadata?.annotations ?? {}
  return isOptedIn(own, object.kind === 'Pod' ? own : (podTemplate(object)?.metadata?.annotations ?? {}))
}

/** The same object, opted in; one whose wish is neither yes nor no stays, to be told of its mistake. */
export function asIfOptedIn(object: ApiObject): ApiObject {
  const template = podTemplate(object)
  const wishes = [object.metadata, template?.metadata].map((place) => place?.annotations?.[INJECT]?.trim())
  if (!template || wishes.some((wish) => wish !== undefined && wish !== 'false')) return object
  const { [INJECT]: _, ...own } = object.metadata?.annotations ?? {}
  const bare =
    object.kind === 'Pod' ? object : { ...object, metadata: { ...object.metadata, annotations: own } }
  const annotations = { ...template.metadata?.annotations, [INJECT]: 'true' }
  return withPodTemplate(bare, withAnnotations(template, annotations))
}

export interface Planned {
  decision: Decision
  /** Mistakes in the annotations; with any, the plan is not acted on. */
  problems: UserError[]
  /** With the workload's own annotations mirrored into it. */
  template: PodTemplate
  env: 'rollout' | 'restart' | 'ignore'
}

/** As admission/workloads.ts decides. */
export function planned(object: ApiObject, defaults: Defaults): Planned {
  const template = podTemplate(object) ?? {}
  const metadata = object.metadata?.annotations ?? {}
  const { annotations, conflicts } =
    object.kind === 'Pod'
      ? { annotations: metadata, conflicts: [] }
      : mirror(metadata, template.metadata?.annotations ?? {})
  const wishes = Object.fromEntries(Object.entries(metadata).filter(([key]) => isOurs(key)))
  const { policy, problems } = readPolicy({ ...wishes, ...annotations }, defaults)
  const mirrored = withAnnotations(template, annotations)
  const bare = object.kind === 'Pod' && !controller(object.metadata)
  const decision = decide(mirrored, policy, defaults, bare)
  return {
    decision,
    problems: [...conflicts, ...problems, ...decision.problems],
    template: mirrored,
    env: policy.shared.env ?? 'rollout',
  }
}
