/** Whether a workload's Pods are being replaced, read from its status as `kubectl rollout status` does (k8s.io/kubectl, rollout_status.go). Pure. */
import type { ApiObject } from '../../workload/pod-template.ts'
import { isObject } from '../../workload/pod-template.ts'

/** `stuck`: the workload itself says that it will not come to an end, so that nobody should wait for it. */
export type Progress = 'done' | 'running' | 'stuck'

/** Kinds that replace their Pods when their template changes. */
export const rollingKinds: ReadonlySet<string> = new Set([
  'Deployment',
  'StatefulSet',
  'DaemonSet',
  'Rollout',
])

export function progressOf(workload: ApiObject): Progress {
  // Jobs and CronJobs say no observedGeneration, and have nothing to roll.
  if (!rollingKinds.has(workload.kind ?? '')) return 'done'
  const spec = isObject(workload['spec']) ? workload['spec'] : {}
  const status = isObject(workload['status']) ? workload['status'] : {}
  // Argo Rollouts writes a string.
  const seen = Number(status['observedGeneration'] ?? 0)
  if (seen < (workload.metadata?.generation ?? 0)) return 'running'
  switch (workload.kind) {
    case 'Deployment':
      return deployment(spec, status)
    case 'StatefulSet':
      return statefulSet(spec, status)
    case 'DaemonSet':
      return waitsForDeletion(spec) ||
        count(status, 'updatedNumberScheduled') >= count(status, 'desiredNumberScheduled')
        ? 'done'
        : 'running'
    case 'Rollout':
      if (status['phase'] === 'Degraded') return 'stuck'
      return status['phase'] === 'Progressing' || status['phase'] === 'Paused' ? 'running' : 'done'
    default:
      return 'done'
  }
}

/** A person deletes the Pods: a new template replaces none. */
const waitsForDeletion = (spec: Record<string, unknown>): boolean =>
  isObject(spec['updateStrategy']) && spec['updateStrategy']['type'] === 'OnDelete'

function deployment(spec: Record<string, unknown>, status: Record<string, unknown>): Progress {
  const reason = conditions(status).find((one) => one['type'] === 'Progressing')?.['reason']
  if (reason === 'ProgressDeadlineExceeded') return 'stuck'
  const updated = count(status, 'updatedReplicas')
  if (updated < replicasOf(spec) || count(status, 'replicas') > updated) return 'running'
  // Once complete it stays so, whatever becomes of a Pod later: that is not a rollout.
  if (reason === 'NewReplicaSetAvailable') return 'done'
  return count(status, 'availableReplicas') < updated ? 'running' : 'done'
}

function statefulSet(spec: Record<string, unknown>, status: Record<string, unknown>): Progress {
  if (waitsForDeletion(spec)) return 'done'
  const strategy = isObject(spec['updateStrategy']) ? spec['updateStrategy'] : {}
  const rolling = isObject(strategy['rollingUpdate']) ? strategy['rollingUpdate'] : {}
  const partition = count(rolling, 'partition')
  if (partition > 0)
    return count(status, 'updatedReplicas') < replicasOf(spec) - partition ? 'running' : 'done'
  return status['updateRevision'] === status['currentRevision'] ? 'done' : 'running'
}

const count = (of: Record<string, unknown>, field: string): number => Number(of[field] ?? 0)
const replicasOf = (spec: Record<string, unknown>): number => Number(spec['replicas'] ?? 1)
const conditions = (status: Record<string, unknown>): Record<string, unknown>[] =>
  Array.isArray(status['conditions']) ? status['conditions'].filter(isObject) : []
