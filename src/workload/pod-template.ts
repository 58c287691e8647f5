/** Where each kind keeps its pod template. Nothing here looks inside one. */
import type { V1ObjectMeta, V1PodSpec } from '@kubernetes/client-node'

export interface PodTemplate {
  metadata?: V1ObjectMeta
  spec?: V1PodSpec
}

/** Any object of the API: what all of them have, and nothing else known. */
export interface ApiObject {
  apiVersion?: string
  kind?: string
  metadata?: V1ObjectMeta
  [field: string]: unknown
}

const podTemplatePaths: Record<string, readonly string[]> = {
  Pod: [],
  PodTemplate: ['template'],
  Deployment: ['spec', 'template'],
  StatefulSet: ['spec', 'template'],
  DaemonSet: ['spec', 'template'],
  ReplicaSet: ['spec', 'template'],
  ReplicationController: ['spec', 'template'],
  Rollout: ['spec', 'template'],
  Job: ['spec', 'template'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template'],
}

/** The kinds the workload webhook looks at. A ReplicaSet belongs to a Deployment; a bare one is left as it is. */
export const workloadKinds = ['Deployment', 'StatefulSet', 'DaemonSet', 'Job', 'CronJob', 'Rollout'] as const

/** Kinds whose runs read the ConfigMaps that are there when they start: no checksum, nothing to roll out. */
export const runsToCompletion = (kind: string): boolean => kind === 'Job' || kind === 'CronJob'

export const hasPodTemplate = (kind: string | undefined): kind is string =>
  kind !== undefined && Object.hasOwn(podTemplatePaths, kind)

/** The pod template of a workload, or the Pod itself; undefined where there is none (an Argo Rollout with workloadRef). */
export function podTemplate(object: ApiObject): PodTemplate | undefined {
  if (!hasPodTemplate(object.kind)) return undefined
  let place: unknown = object
  for (const field of podTemplatePaths[object.kind] ?? []) place = property(place, field)
  return isObject(place) && isObject(property(place, 'spec')) ? place : undefined
}

/** The same object with another pod template; copies only along the path, so that a diff sees the rest as the same objects. */
export function withPodTemplate<T extends ApiObject>(object: T, template: PodTemplate): T {
  const replaced = (place: unknown, [field, ...rest]: readonly string[]): unknown =>
    field === undefined ? template : { ...(place as object), [field]: replaced(property(place, field), rest) }
  const path = podTemplatePaths[object.kind ?? ''] ?? []
  // Of a Pod the template is the object itself, which has fields that a template has not.
  return (path.length === 0 ? { ...object, ...template } : replaced(object, path)) as T
}

/** A controller's Pod, or a workload that another controller writes: whoever owns it decides. */
export const controller = (metadata: V1ObjectMeta | undefined) =>
  metadata?.ownerReferences?.find((owner) => owner.controller === true)

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const property = (value: unknown, field: string): unknown =>
  isObject(value) && Object.hasOwn(value, field) ? value[field] : undefined
