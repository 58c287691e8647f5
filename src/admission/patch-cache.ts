/**
 * Decides once for all Pods of a template. Of all that the Pod handler reads, a ReplicaSet's Pods differ only in the volume name that
 * ServiceAccount admission generates for each. bench/webhook measures a template's first Pod and the later ones.
 */
import { hash } from 'node:crypto'
import { type ApiObject, controller, isReplacedPod, podTemplate } from '../workload/pod-template.ts'
import type { AdmissionRequest, AdmissionResponse } from './handler.ts'

/** Each takes some 6 kB. If a cluster starts more templates than this within minutes, the handler decides some of them twice. */
const MAX_ANSWERS = 500

/** Characters of a patch that is kept, so that all of them take 16 MB at most: a Pod's own variables can make a patch of a megabyte. */
const MAX_PATCH = 32 * 1024

/** The admission plugin's prefix (ServiceAccountVolumeName), to which it adds five random characters. */
const TOKEN_VOLUME = 'kube-api-access-'

/**
 * Wraps `handler`: keeps each answer that injects, for Pods that are equal in all that `handler` reads: annotations, spec, whether a
 * controller created the Pod, and whether it replaces it when the template changes. The patch was tested on one of them, and applies to each.
 * @param defaults what else `handler` depends on; another value drops every answer
 */
export function cachePatches(
  handler: (request: AdmissionRequest) => AdmissionResponse,
  defaults: () => unknown,
): (request: AdmissionRequest) => AdmissionResponse {
  const answers = new Map<string, AdmissionResponse>()
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
    const { outcome, patch = '', warnings } = answer
    if (outcome !== 'injected' || patch.length > MAX_PATCH) return answer
    const texts = [Buffer.from(patch, 'base64'), ...warnings]
    if (tokenVolume !== undefined && texts.some((text) => text.includes(tokenVolume))) return answer
    const [oldest] = answers.keys()
    if (answers.size >= MAX_ANSWERS && oldest !== undefined) answers.delete(oldest)
    answers.set(key, answer)
    return answer
  }
}

/** A digest, so that the cache holds nothing of a Pod's content, such as its variables. */
function keyOf(pod: ApiObject, tokenVolume: string | undefined): string {
  const text = JSON.stringify([
    pod.kind,
    controller(pod.metadata) !== undefined,
    isReplacedPod(pod.metadata),
    pod.metadata?.annotations,
    pod['spec'],
  ])
  // No volume can have the bare prefix as its name, so different Pods keep different keys.
  return hash(
    'sha256',
    tokenVolume === undefined ? text : text.replaceAll(`"${tokenVolume}"`, `"${TOKEN_VOLUME}"`),
    'base64',
  )
}

const tokenVolumeOf = (pod: ApiObject): string | undefined =>
  podTemplate(pod)?.spec?.volumes?.find(({ name }) => name.startsWith(TOKEN_VOLUME))?.name
