/** Handler of `/mutate/pods`: a Pod is created, and gets its agent. No I/O: what is not in the request is not known. */

import { injectPod, isInjected } from '../inject/pod.ts'
import { PREFIX } from '../policy/annotations.ts'
import { type Decision, decide, type SkipReason, skipReasons, unsuitable } from '../policy/decide.ts'
import type { Defaults } from '../policy/defaults.ts'
import { type PolicyReading, readPolicy } from '../policy/policy.ts'
import { type ApiObject, controller, type PodTemplate, podTemplate } from '../workload/pod-template.ts'
import type { AdmissionRequest, Answer, Mutate } from './answer.ts'
import { patchBetween } from './patch.ts'
import { cachePatches } from './patch-cache.ts'

export interface PodHandlerOptions {
  agentImage: string
  version: string
  /** Asked at each request, since the policy file may change. */
  defaults: () => Defaults
}

export const podHandler = (options: PodHandlerOptions): Mutate =>
  cachePatches(decideEach(options), options.defaults)

const decideEach =
  ({ agentImage, version, defaults }: PodHandlerOptions) =>
  (request: AdmissionRequest): Answer => {
    const pod = request.object
    if (!pod) return skipped(request, { skip: 'notRequested', warnings: [] })
    const injection = injectionOf(pod, defaults())
    if ('skip' in injection) return skipped(request, injection)
    const { decision, template } = injection
    const injected = injectPod(template, decision.plan, { agentImage, version })
    return {
      allowed: true,
      patch: patchBetween(pod, injected as ApiObject),
      warnings: injection.warnings,
      outcome: 'injected',
    }
  }

interface Injection {
  template: PodTemplate
  decision: Decision
  reading: PolicyReading
  warnings: string[]
}

interface Skip {
  skip: SkipReason
  warnings: string[]
}

/** What to do with a Pod, or with a template as if it were one; `inject` asks the same. */
export function injectionOf(
  pod: ApiObject,
  defaults: Defaults,
  bare = !controller(pod.metadata),
): Injection | Skip {
  const template = podTemplate(pod)
  const annotations = template?.metadata?.annotations ?? {}
  if (!template || annotations[`${PREFIX}inject`] === undefined) return { skip: 'notRequested', warnings: [] }
  const skip = isInjected(template) ? 'alreadyInjected' : unsuitable(template)
  if (skip) return { skip, warnings: [] }
  const reading = readPolicy(annotations, defaults)
  if (reading.policy.shared.inject === false) return { skip: 'notRequested', warnings: [] }
  const decision = decide(template, reading.policy, defaults, bare)
  const problems = [...reading.problems, ...decision.problems]
  const notes = [...decision.plan.containers.flatMap((one) => one.notes), ...decision.plan.notes].filter(
    ({ warn }) => warn,
  )
  const warnings = [
    ...problems.map(({ message }) => message),
    ...reading.warnings,
    ...notes.map(({ text }) => text),
  ]
  if (problems.length > 0) return { skip: 'invalid', warnings }
  return decision.skip ? { skip: decision.skip, warnings } : { template, decision, reading, warnings }
}

/** A skipped Pod is always allowed: whoever made it would only try again. */
function skipped(request: AdmissionRequest, { skip, warnings }: Skip): Answer {
  // A controller's Pod gets its name after us.
  const name = request.name ? `Pod ${request.name}` : 'this Pod'
  const why =
    skip === 'notRequested' || skip === 'alreadyInjected'
      ? []
      : [`${name} is not injected: ${skipReasons[skip]}`]
  return { allowed: true, warnings: [...warnings, ...why], outcome: 'skipped', reason: skip }
}
