/**
 * How each kind of workload replaces its Pods, and reports the progress of a rollout, as `kubectl rollout status` reads it (k8s.io/kubectl,
 * rollout_status.go). Pure.
 */
import { isObject } from './json-object.ts'

/**
 * `paused`: the rollout waits, as its own steps say. `stuck`: the workload itself reports that the rollout will not end, so that nothing should
 * wait for it.
 */
export type Progress = 'done' | 'running' | 'paused' | 'stuck'

export interface RolloutStatus {
  progress: Progress
  /** Pods of the present template that are available: at least so many. */
  newPods: number
  /** How many Pods a rollout replaces at once. */
  podsAtOnce: number
  /** All Pods that a rollout replaces are of the present template, and available. */
  isComplete: boolean
}

/** Reads a workload's status, once its controller has observed the present spec. */
export type ReadRollout = (spec: Fields, status: Fields) => RolloutStatus

type Fields = Readonly<Record<string, unknown>>

export const deploymentRollout: ReadRollout = (spec, status) => {
  const strategy = fieldsOf(spec, 'strategy')
  const replicas = replicasOf(spec)
  return {
    ...completion(deploymentProgress(replicas, status), newReplicas(status), replicas),
    podsAtOnce: strategy['type'] === 'Recreate' ? replicas : surgeAndUnavailable(strategy, replicas),
  }
}

function deploymentProgress(replicas: number, status: Fields): Progress {
  const reason = conditions(status).find((one) => one['type'] === 'Progressing')?.['reason']
  if (reason === 'ProgressDeadlineExceeded') return 'stuck'
  const updated = count(status, 'updatedReplicas')
  if (updated < replicas || count(status, 'replicas') > updated) return 'running'
  // Once complete it stays complete: a Pod that is lost later is no rollout.
  if (reason === 'NewReplicaSetAvailable') return 'done'
  return count(status, 'availableReplicas') < updated ? 'running' : 'done'
}

export const statefulSetRollout: ReadRollout = (spec, status) => {
  const { partition = 0, maxUnavailable = 1 } = rollingUpdateOf(spec, 'updateStrategy')
  const replicas = replicasOf(spec)
  const kept = Number(partition)
  const isDone =
    waitsForDeletion(spec) ||
    (kept > 0
      ? count(status, 'updatedReplicas') >= replicas - kept
      : status['updateRevision'] === status['currentRevision'])
  return {
    ...completion(isDone ? 'done' : 'running', newReplicas(status), replicas, kept),
    podsAtOnce: shareOf(replicas, maxUnavailable, Math.ceil),
  }
}

export const daemonSetRollout: ReadRollout = (spec, status) => {
  const { maxSurge = 0, maxUnavailable = 1 } = rollingUpdateOf(spec, 'updateStrategy')
  const desired = count(status, 'desiredNumberScheduled')
  const isDone = waitsForDeletion(spec) || count(status, 'updatedNumberScheduled') >= desired
  const pods = newPods(status, 'desiredNumberScheduled', 'updatedNumberScheduled', 'numberAvailable')
  return {
    ...completion(isDone ? 'done' : 'running', pods, desired),
    podsAtOnce: shareOf(desired, maxSurge, Math.ceil) + shareOf(desired, maxUnavailable, Math.ceil),
  }
}

/** Of an Argo Rollout. */
export const argoRollout: ReadRollout = (spec, status) => {
  const strategy = fieldsOf(spec, 'strategy')
  const replicas = replicasOf(spec)
  return {
    ...completion(argoProgress(status), newReplicas(status), replicas),
    podsAtOnce: isObject(strategy['blueGreen'])
      ? replicas
      : surgeAndUnavailable({ rollingUpdate: strategy['canary'] }, replicas),
  }
}

function argoProgress({ phase }: Fields): Progress {
  if (phase === 'Degraded') return 'stuck'
  if (phase === 'Paused') return 'paused'
  return phase === 'Progressing' ? 'running' : 'done'
}

/** Of an OpenKruise CloneSet: `partition` Pods stay at the old revision, a number or a share of all, which Kruise rounds up. */
export const cloneSetRollout: ReadRollout = (spec, status) => {
  const replicas = replicasOf(spec)
  const { partition = 0, maxSurge = 0, maxUnavailable = '20%' } = fieldsOf(spec, 'updateStrategy')
  const updated = Math.min(count(status, 'updatedReplicas'), count(status, 'updatedReadyReplicas'))
  const kept = shareOf(replicas, partition, Math.ceil)
  return {
    ...completion(updated < replicas - kept ? 'running' : 'done', updated, replicas, kept),
    podsAtOnce: shareOf(replicas, maxSurge, Math.ceil) + shareOf(replicas, maxUnavailable, Math.ceil),
  }
}

/** @param kept Pods that the rollout leaves as they are */
const completion = (progress: Progress, pods: number, replicas: number, kept = 0) => ({
  progress,
  newPods: pods,
  isComplete: progress === 'done' && pods >= replicas - kept && (kept < replicas || replicas === 0),
})

const newReplicas = (status: Fields): number =>
  newPods(status, 'replicas', 'updatedReplicas', 'availableReplicas')

/** A status counts the available Pods of all templates together, so each old Pod is taken for an available one. */
const newPods = (status: Fields, all: string, updated: string, available: string): number =>
  Math.max(0, count(status, available) - Math.max(0, count(status, all) - count(status, updated)))

/** The defaults of a Deployment, and of a canary of Argo's. */
function surgeAndUnavailable(strategy: Fields, replicas: number): number {
  const { maxSurge = '25%', maxUnavailable = '25%' } = fieldsOf(strategy, 'rollingUpdate')
  return shareOf(replicas, maxSurge, Math.ceil) + shareOf(replicas, maxUnavailable, Math.floor)
}

/** A number of Pods, or a share of all such as `25%`; all at most. The API server takes a percentage of any length, which is Infinity. */
function shareOf(all: number, value: unknown, round: (pods: number) => number): number {
  const [, percent] = /^(\d+)%$/.exec(String(value)) ?? []
  const pods = percent === undefined ? Number(value) : round((all * Number(percent)) / 100)
  return Math.min(pods || 0, all)
}

/** A person deletes the Pods: a new template replaces none. */
const waitsForDeletion = (spec: Fields): boolean => fieldsOf(spec, 'updateStrategy')['type'] === 'OnDelete'

const fieldsOf = (of: Fields, field: string): Fields => {
  const value = of[field]
  return isObject(value) ? value : {}
}
const rollingUpdateOf = (spec: Fields, strategy: string): Fields =>
  fieldsOf(fieldsOf(spec, strategy), 'rollingUpdate')
const count = (of: Fields, field: string): number => Number(of[field] ?? 0)
const replicasOf = (spec: Fields): number => Number(spec['replicas'] ?? 1)
const conditions = ({ conditions: all }: Fields): Fields[] => (Array.isArray(all) ? all.filter(isObject) : [])
