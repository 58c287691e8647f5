/**
 * Keeps an injected Pod evictable for the cluster autoscaler. It leaves a node alone whose Pods have an emptyDir on its disk, unless an
 * annotation of the Pod names the volume (FAQ of kubernetes/autoscaler: "What types of pods can prevent CA from removing a node?").
 * Ours hold nothing that a new Pod would miss.
 */
import type { V1Volume } from '@kubernetes/client-node'
import type { PodTemplate } from '../workload/pod-template.ts'

export const SAFE_TO_EVICT = 'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes'

const isOnDisk = ({ emptyDir }: V1Volume): boolean => emptyDir !== undefined && emptyDir.medium !== 'Memory'

/** The Pod with the names of the volumes `added` that are on the node's disk, beside those that the user wrote. */
export function withEvictableVolumes(pod: PodTemplate, added: readonly V1Volume[]): PodTemplate {
  const own = pod.metadata?.annotations?.[SAFE_TO_EVICT]
  const names = [...(own ? [own] : []), ...added.filter(isOnDisk).map(({ name }) => name)]
  if (names.length === 0) return pod
  const annotations = { ...pod.metadata?.annotations, [SAFE_TO_EVICT]: names.join(',') }
  return { ...pod, metadata: { ...pod.metadata, annotations } }
}
