/** In which order Pods get content that is on trial. Pure. */
import type { V1Pod } from '@kubernetes/client-node'
import { createdAt, isReady, templateOf } from './workload-pods.ts'

/**
 * Pods that are Ready first, since only a Pod that is well can show that the change is bad; among them, and among the others, those of the newest
 * template, because a rollout is about to end the rest. Newest is the template of the youngest Pod: no field of all kinds says it.
 */
export function inTrialOrder(pods: readonly V1Pod[]): V1Pod[] {
  const latest = Math.max(...pods.map(createdAt))
  const youngest = pods.find((pod) => createdAt(pod) === latest)
  const newest = youngest && templateOf(youngest)
  const rankOf = (pod: V1Pod): number => 2 * Number(isReady(pod)) + Number(templateOf(pod) === newest)
  return [3, 2, 1, 0].flatMap((rank) => pods.filter((pod) => rankOf(pod) === rank))
}
