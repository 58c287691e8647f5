/** How each kind of workload reports the progress of a rollout, as `kubectl rollout status` reads it (k8s.io/kubectl, rollout_status.go). Pure. */
import { isObject } from './json-object.ts'

/** `stuck`: the workload itself reports that the rollout will not end, so that nothing should wait for it. */
export type Progress = 'done' | 'running' | 'stuck'

/** Reads a workload's status, once its controller has observed the present spec. */
export type ReadProgress = (spec: Fields, status: Fields) => Progress

type Fields = Readonly<Record<string, unknown>>

export function deploymentProgress(spec: Fields, status: Fields): Progress {
  const reason = conditions(status).find((one) => one['type'] === 'Progressing')?.['reason']
  if (reason === 'ProgressDeadlineExceeded') return 'stuck'
  const updated = count(status, 'updatedReplicas')
  if (updated < replicasOf(spec) || count(status, 'replicas') > updated) return 'running'
  // Once complete it stays complete: a Pod that is lost later is no rollout.
  if (reason === 'NewReplicaSetAvailable') return 'done'
  return count(status, 'availableReplicas') < updated ? 'running' : 'done'
}

export function statefulSetProgress(spec: Fields, status: Fields): Progress {
  if (waitsForDeletion(spec)) return 'done'
  const partition = count(fieldsOf(fieldsOf(spec, 'updateStrategy'), 'rollingUpdate'), 'partition')
  if (partition > 0)
    return count(status, 'updatedReplicas') < replicasOf(spec) - partition ? 'running' : 'done'
  return status['updateRevision'] === status['currentRevision'] ? 'done' : 'running'
}

export function daemonSetProgress(spec: Fields, status: Fields): Progress {
  if (waitsForDeletion(spec)) return 'done'
  return count(status, 'updatedNumberScheduled') < count(status, 'desiredNumberScheduled')
    ? 'running'
    : 'done'
}

/** Of an Argo Rollout. */
export function rolloutProgress(_: Fields, { phase }: Fields): Progress {
  if (phase === 'Degraded') return 'stuck'
  return phase === 'Progressing' || phase === 'Paused' ? 'running' : 'done'
}

/** Of an OpenKruise CloneSet: `partition` Pods stay at the old revision, a number or a share of all, which Kruise rounds up. */
export function cloneSetProgress(spec: Fields, status: Fields): Progress {
  const replicas = replicasOf(spec)
  const { partition = 0 } = fieldsOf(spec, 'updateStrategy')
  const [, percent] = /^(\d+)%$/.exec(String(partition)) ?? []
  const kept = percent === undefined ? Number(partition) : Math.ceil((replicas * Number(percent)) / 100)
  const updated = Math.min(count(status, 'updatedReplicas'), count(status, 'updatedReadyReplicas'))
  return updated < replicas - kept ? 'running' : 'done'
}

/** A person deletes the Pods: a new template replaces none. */
const waitsForDeletion = (spec: Fields): boolean => fieldsOf(spec, 'updateStrategy')['type'] === 'OnDelete'

const fieldsOf = (of: Fields, field: string): Fields => {
  const value = of[field]
  return isObject(value) ? value : {}
}
const count = (of: Fields, field: string): number => Number(of[field] ?? 0)
const replicasOf = (spec: Fields): number => Number(spec['replicas'] ?? 1)
const conditions = ({ conditions: all }: Fields): Fields[] => (Array.isArray(all) ? all.filter(isObject) : [])
