/** Finds opted-in workloads whose Pods the API server refuses: without a Pod there is nothing that other checks could look at. Pure. */
import { PREFIX } from '../../policy/annotations.ts'
import { property } from '../../workload/json-object.ts'
import { kindLabel, replacesItsPods } from '../../workload/kinds.ts'
import type { ApiObject } from '../../workload/pod-template.ts'
import type { Finding } from './finding.ts'

/** What a LimitRange or a quota asks of each container, the agent's too. */
export const RESOURCES_REMEDY = `where a LimitRange or quota asks more of a container, set ${PREFIX}resources`

/** @param workloads opted in, in labelled namespaces */
export function checkMissingPods(workloads: readonly ApiObject[]): Finding[] {
  return workloads.filter(replacesItsPods).flatMap((workload): Finding[] => {
    const reason = refusalOf(workload)
    if (reason === undefined) return []
    const { name, namespace = '' } = workload.metadata ?? {}
    const command = `kubectl describe -n ${namespace} ${workload.kind?.toLowerCase()}/${name}`
    const what = `${kindLabel(workload)} ${name} in namespace ${namespace}`
    return [
      {
        check: 'pods',
        result: 'problem',
        namespace,
        text: `${what} ${reason}; ${RESOURCES_REMEDY}; ${command}`,
        command,
      },
    ]
  })
}

function refusalOf({ spec, status }: ApiObject): string | undefined {
  const conditions = property(status, 'conditions')
  const failure = (Array.isArray(conditions) ? conditions : []).find(
    (one: unknown) => property(one, 'type') === 'ReplicaFailure' && property(one, 'status') === 'True',
  )
  if (failure) return `can't create its Pods: ${String(property(failure, 'message'))}`
  const wanted = Number(property(status, 'desiredNumberScheduled') ?? property(spec, 'replicas') ?? 0)
  const there = Number(property(status, 'currentNumberScheduled') ?? property(status, 'replicas') ?? 0)
  const isObserved = property(status, 'observedGeneration') !== undefined
  return isObserved && wanted > 0 && there === 0 ? `has none of its ${wanted} Pods` : undefined
}
