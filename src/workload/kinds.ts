/**
 * The kinds of objects that hold a pod template, one row each. API paths, metric labels, `explain`, `doctor` and the rollouts follow from a
 * row; a test compares the manifests in deploy/ with this table. Pure.
 */
import { isObject, property } from './json-object.ts'
import {
  argoRollout,
  cloneSetRollout,
  daemonSetRollout,
  deploymentRollout,
  type ReadRollout,
  type RolloutStatus,
  statefulSetRollout,
} from './rollout-progress.ts'

/** The part of an object that names its kind. */
export interface TypeMeta {
  apiVersion?: string | undefined
  kind?: string | undefined
}

interface Specified extends TypeMeta {
  spec?: unknown
}

/** A kind of object with a pod template. */
export interface TemplateKind {
  apiVersion: string
  kind: string
  plural: string
  /** Of the resource, as kubectl accepts them. */
  shortNames: readonly string[]
  /** The path of the pod template. Empty: the object is a Pod. */
  template: readonly string[]
}

/**
 * A kind that hotreload's webhook and controller handle. A row has one of two fields. `rollout` reads a rollout's status. `runs`: Pods run
 * to completion, so that a new template replaces none; the object runs them `once`, or `repeatedly`.
 */
export type WorkloadKind = WorkloadFields &
  ({ rollout: ReadRollout; runs?: never } | { runs: 'once' | 'repeatedly'; rollout?: never })

interface WorkloadFields extends TemplateKind {
  /** The path of the boolean that suspends rollouts, or runs. */
  suspend?: readonly string[]
  /** The path of the field that keeps Pods at their template: a StatefulSet's first ones, or as many. */
  partition?: readonly string[]
  /** The path of the field whose `InPlaceIfPossible` or `InPlaceOnly` keeps the Pods when an annotation changes. */
  updateType?: readonly string[]
  /** The kind exists only where its CustomResourceDefinition is installed; the API server answers its list with 404 elsewhere. */
  isCustom?: boolean
}

const apps = { apiVersion: 'apps/v1', template: ['spec', 'template'] } as const
const batch = { apiVersion: 'batch/v1', suspend: ['spec', 'suspend'] } as const

export const workloadKinds: readonly WorkloadKind[] = [
  {
    ...apps,
    kind: 'Deployment',
    plural: 'deployments',
    shortNames: ['deploy'],
    rollout: deploymentRollout,
    suspend: ['spec', 'paused'],
  },
  {
    ...apps,
    kind: 'StatefulSet',
    plural: 'statefulsets',
    shortNames: ['sts'],
    rollout: statefulSetRollout,
    partition: ['spec', 'updateStrategy', 'rollingUpdate', 'partition'],
  },
  { ...apps, kind: 'DaemonSet', plural: 'daemonsets', shortNames: ['ds'], rollout: daemonSetRollout },
  { ...batch, kind: 'Job', plural: 'jobs', shortNames: [], template: ['spec', 'template'], runs: 'once' },
  {
    ...batch,
    kind: 'CronJob',
    plural: 'cronjobs',
    shortNames: ['cj'],
    template: ['spec', 'jobTemplate', 'spec', 'template'],
    runs: 'repeatedly',
  },
  {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Rollout',
    plural: 'rollouts',
    shortNames: ['ro'],
    template: ['spec', 'template'],
    rollout: argoRollout,
    suspend: ['spec', 'paused'],
    isCustom: true,
  },
  {
    apiVersion: 'apps.kruise.io/v1alpha1',
    kind: 'CloneSet',
    plural: 'clonesets',
    shortNames: ['clone'],
    template: ['spec', 'template'],
    rollout: cloneSetRollout,
    partition: ['spec', 'updateStrategy', 'partition'],
    suspend: ['spec', 'updateStrategy', 'paused'],
    updateType: ['spec', 'updateStrategy', 'type'],
    isCustom: true,
  },
  {
    apiVersion: 'apps.kruise.io/v1beta1',
    kind: 'StatefulSet',
    plural: 'statefulsets',
    shortNames: ['asts'],
    template: ['spec', 'template'],
    rollout: statefulSetRollout,
    partition: ['spec', 'updateStrategy', 'rollingUpdate', 'partition'],
    suspend: ['spec', 'updateStrategy', 'rollingUpdate', 'paused'],
    updateType: ['spec', 'updateStrategy', 'rollingUpdate', 'podUpdatePolicy'],
    isCustom: true,
  },
]

/** Kinds with a pod template that hotreload never changes. A ReplicaSet belongs to a Deployment; a bare one stays as it is. */
const otherKinds: readonly TemplateKind[] = [
  { ...apps, kind: 'ReplicaSet', plural: 'replicasets', shortNames: ['rs'] },
  {
    apiVersion: 'v1',
    kind: 'ReplicationController',
    plural: 'replicationcontrollers',
    shortNames: ['rc'],
    template: ['spec', 'template'],
  },
  {
    apiVersion: 'v1',
    kind: 'PodTemplate',
    plural: 'podtemplates',
    shortNames: [],
    template: ['template'],
  },
  { apiVersion: 'v1', kind: 'Pod', plural: 'pods', shortNames: ['po'], template: [] },
]

/** All kinds with a pod template. */
export const templateKinds: readonly TemplateKind[] = [...workloadKinds, ...otherKinds]

/** The API group; empty: the core group. */
export const groupOf = ({ apiVersion = '' }: TypeMeta): string =>
  apiVersion.slice(0, Math.max(apiVersion.indexOf('/'), 0))

/** As objects have it: `apps/v1`, and `v1` of the core group. */
export const apiVersionOf = ({ group, version }: { group: string; version: string }): string =>
  group === '' ? version : `${group}/${version}`

const idOf = (of: TypeMeta): string => `${of.kind}.${groupOf(of)}`
const templateKindsById = new Map(templateKinds.map((one) => [idOf(one), one]))
const workloadKindsById = new Map(workloadKinds.map((one) => [idOf(one), one]))

/** The row of an object's group and kind, whatever its version; undefined for a kind without a pod template. */
export const templateKindOf = (object: TypeMeta): TemplateKind | undefined =>
  templateKindsById.get(idOf(object))

/** The row of a workload that hotreload handles; undefined for everything else. */
export const workloadKindOf = (object: TypeMeta): WorkloadKind | undefined =>
  workloadKindsById.get(idOf(object))

/** `Deployment`; with its group where an earlier row has the same kind. */
const labelsById = new Map(
  templateKinds.map((one) => [
    idOf(one),
    templateKinds.find(({ kind }) => kind === one.kind) === one ? one.kind : idOf(one),
  ]),
)

/** One word for a kind, in keys and metrics. */
export const kindLabel = (object: TypeMeta): string => labelsById.get(idOf(object)) ?? object.kind ?? ''

/** Whether the kind replaces its Pods when its template changes. */
export const replacesItsPods = (object: TypeMeta): boolean => workloadKindOf(object)?.rollout !== undefined

/** Whether each run reads the ConfigMaps as they are when it starts: no checksum, and nothing to roll out. */
export const runsToCompletion = (object: TypeMeta): boolean => workloadKindOf(object)?.runs !== undefined

/** The update policy of an OpenKruise workload that updates Pods in place where it can; undefined: new Pods replace the old ones. */
export function inPlacePolicy(object: Specified): string | undefined {
  const policy = workloadKindOf(object)?.updateType?.reduce<unknown>(property, object)
  return typeof policy === 'string' && policy.startsWith('InPlace') ? policy : undefined
}

/** Why a rollout leaves Pods as they are, for people; undefined: it replaces all of them. */
export function keptPods(object: Specified): string | undefined {
  const partition = workloadKindOf(object)?.partition
  const kept = partition?.reduce<unknown>(property, object)
  const inPlace = inPlacePolicy(object)
  if (property(property(object.spec, 'updateStrategy'), 'type') === 'OnDelete')
    return 'updateStrategy is OnDelete: Pods are replaced only when you delete them'
  if (inPlace)
    return `the update policy is ${inPlace}: a rollout changes an annotation, so Kruise keeps the Pods`
  if (!partition || !kept || (typeof kept !== 'number' && typeof kept !== 'string')) return undefined
  const which = partition.includes('rollingUpdate') ? 'Pods below it stay' : 'as many Pods stay'
  return `${partition.join('.')} is ${kept}: ${which} as they are`
}

/** Whether the user has suspended a workload's rollouts or runs in its spec. */
export function isSuspended(object: Specified): boolean {
  const path = workloadKindOf(object)?.suspend
  return path !== undefined && path.reduce<unknown>(property, object) === true
}

/** How far a workload's Pods are replaced. */
export function rolloutStatusOf(
  workload: Specified & { metadata?: { generation?: number }; status?: unknown },
): RolloutStatus {
  const read = workloadKindOf(workload)?.rollout
  // Jobs and CronJobs report no observedGeneration, and have nothing to roll out.
  if (!read) return { progress: 'done', newPods: 0, podsAtOnce: 1, isComplete: true }
  const spec = isObject(workload.spec) ? workload.spec : {}
  const status = isObject(workload.status) ? workload.status : {}
  const result = read(spec, status)
  // Argo Rollouts writes a string.
  const observed = Number(status['observedGeneration'] ?? 0)
  // Until then it counts the Pods of the template before.
  const isObserved = observed >= (workload.metadata?.generation ?? 0)
  if (!isObserved) return { ...result, progress: 'running', newPods: 0, isComplete: false }
  // No new Pod comes of it.
  return inPlacePolicy(workload) === undefined ? result : { ...result, isComplete: false }
}

type NamedWorkload = TypeMeta & { name?: string | undefined }

/** The command that gives workloads of one namespace new Pods; undefined: kubectl can't restart all of their kinds. */
export function restartCommand(namespace: string, workloads: readonly NamedWorkload[]): string | undefined {
  const names = workloads.map(({ kind = '', name }) => `${kind.toLowerCase()}/${name}`)
  return workloads.every((one) => groupOf(one) === 'apps' && replacesItsPods(one))
    ? `kubectl rollout restart -n ${namespace} ${names.join(' ')}`
    : undefined
}
