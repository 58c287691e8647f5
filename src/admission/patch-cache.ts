/**
 * The Pods of one template are decided once: a ReplicaSet's hundred Pods differ in nothing that the Pod handler reads but the volume name that
 * ServiceAccount admission makes up for each. bench/webhook measures both, a template's first Pod and the ones after it.
 */
import { hash } from 'node:crypto'
import { type ApiObject, controller, podTemplate } from '../workload/pod-template.ts'
import type { AdmissionRequest, Answer } from './answer.ts'
import { patchBase64 } from './review.ts'

/** Some 10 kB each; a cluster that starts more templates than this within minutes decides some of them twice. */
const MAX_ANSWERS = 500

/** The admission plugin's prefix (ServiceAccountVolumeName), to which it adds five random characters. */
const TOKEN_VOLUME = 'kube-api-access-'

/**
 * The same answers as `handler` gives, of which those that inject are kept for Pods that are equal in all it reads: annotations, spec, and
 * whether a controller made it. The patch that was tried out on one of them applies to each.
 * @param defaults what `handler` decides by besides; another value forgets every answer
 */
export function cachePatches(
  handler: (request: AdmissionRequest) => Answer,
  defaults: () => unknown,
): (request: AdmissionRequest) => Answer {
  const answers = new Map<string, Answer>()
  let decidedBy = defaults()
  return (request) => {
    if (decidedBy !== defaults()) {
      decidedBy = defaults()
      answers.clear()
    }
    const pod = request.object
    if (!pod) return handler(request)
    const tokenVolume = tokenVolumeOf(pod)
    const key = keyOf(pod, tokenVolume)
    const known = answers.get(key)
    if (known) return known
    const answer = handler(request)
    if (answer.outcome !== 'injected') return answer
    const told = JSON.stringify([answer.patch, answer.warnings])
    if (tokenVolume !== undefined && told.includes(tokenVolume)) return answer
    const [oldest] = answers.keys()
    if (answers.size >= MAX_ANSWERS && oldest !== undefined) answers.delete(oldest)
    const kept = { ...answer, patchBase64: patchBase64(answer.patch ?? []) }
    answers.set(key, kept)
    return kept
  }
}

/** A hash, so that what a Pod holds (its variables, say) is not kept. */
function keyOf(pod: ApiObject, tokenVolume: string | undefined): string {
  const text = JSON.stringify([
    pod.kind,
    controller(pod.metadata) !== undefined,
    pod.metadata?.annotations,
    pod['spec'],
  ])
  // No volume can have the bare prefix for a name, so no two Pods become one by this.
  return hash(
    'sha256',
    tokenVolume === undefined ? text : text.replaceAll(`"${tokenVolume}"`, `"${TOKEN_VOLUME}"`),
    'base64',
  )
}

const tokenVolumeOf = (pod: ApiObject): string | undefined =>
  podTemplate(pod)?.spec?.volumes?.find(({ name }) => name.startsWith(TOKEN_VOLUME))?.name
