/** Handler of `/mutate/pods`: a Pod is created, and gets its agent. No I/O: it knows only the request. */

import { type InjectionOptions, injectPod } from '../inject/pod.ts'
import { skipReasons } from '../policy/decide.ts'
import type { Defaults } from '../policy/defaults.ts'
import { readPod, type SkippedPod } from '../policy/read-workload.ts'
import { podTemplate, withPodTemplate } from '../workload/pod-template.ts'
import type { AdmissionRequest, AdmissionResponse, Handler } from './handler.ts'
import { encode, patchBetween } from './patch.ts'
import { cachePatches } from './patch-cache.ts'

export interface PodHandlerOptions extends InjectionOptions {
  /** A function, since the policy file may change. */
  defaults: () => Defaults
}

export const podHandler = (options: PodHandlerOptions): Handler =>
  cachePatches(decideEach(options), options.defaults)

const decideEach =
  (options: PodHandlerOptions) =>
  (request: AdmissionRequest): AdmissionResponse => {
    const pod = request.object
    const template = pod && podTemplate(pod)
    if (!pod || !template) return skipped(request, { skip: 'notRequested', warnings: [] })
    const reading = readPod(template, options.defaults())
    if (reading.skip) return skipped(request, reading)
    const { plan, warnings } = reading
    const patch = patchBetween(pod, withPodTemplate(pod, injectPod(template, plan, options)))
    return { allowed: true, patch: encode(patch), warnings, outcome: 'injected' }
  }

/** A skipped Pod is always allowed: its creator would only try again. */
function skipped({ name }: AdmissionRequest, { skip, warnings }: SkippedPod): AdmissionResponse {
  // A controller's Pod gets its name after the webhooks.
  const pod = name ? `Pod ${name}` : 'this Pod'
  const isExpected = skip === 'notRequested' || skip === 'alreadyInjected'
  const why = isExpected ? [] : [`${pod} is not injected: ${skipReasons[skip]}`]
  return { allowed: true, warnings: [...warnings, ...why], outcome: 'skipped', reason: skip }
}
