/** Reads and replaces an object's pod template. Nothing here reads what a template holds. Pure. */
import type { V1ObjectMeta, V1PodSpec } from '@kubernetes/client-node'
import { isObject, property, withoutNulls } from './json-object.ts'
import { replacesItsPods, templateKindOf, workloadKindOf } from './kinds.ts'

export interface PodTemplate {
  metadata?: V1ObjectMeta
  spec?: V1PodSpec
}

/** Any object of the API, of which only the fields that all objects have are typed. */
export interface ApiObject {
  apiVersion?: string
  kind?: string
  metadata?: V1ObjectMeta
  [field: string]: unknown
}

/** Without nulls, which templates leave (`volumes:` with nothing below): the API server drops them from its own kinds only. */
export const withoutStrayNulls = <T extends object>(object: T): T =>
  workloadKindOf(object)?.isCustom ? withoutNulls(object) : object

/** The pod template of a workload, or the Pod itself; undefined where there is none (an Argo Rollout with workloadRef). */
export function podTemplate(object: ApiObject): PodTemplate | undefined {
  const path = pathOfTemplate(object)
  const found = path?.reduce<unknown>(property, object)
  return isObject(found) && isObject(property(found, 'spec')) ? found : undefined
}

/** Whose pod template a workload without one uses, for people: `Deployment api` of an Argo Rollout's workloadRef. */
export function templateOwner(object: ApiObject): string {
  const of = ['spec', 'workloadRef'].reduce<unknown>(property, object)
  const [kind, name] = [property(of, 'kind'), property(of, 'name')]
  return typeof kind === 'string' && typeof name === 'string'
    ? `${kind} ${name}`
    : 'the workload with the template'
}

/** The object with another pod template. Copies only along the path, so that a diff finds the rest identical. */
export function withPodTemplate<T extends ApiObject>(object: T, template: PodTemplate): T {
  const replaced = (value: unknown, [field, ...rest]: readonly string[]): unknown =>
    field === undefined ? template : { ...(value as object), [field]: replaced(property(value, field), rest) }
  const path = pathOfTemplate(object) ?? []
  // A Pod is its own template, and has fields that a template lacks.
  return (path.length === 0 ? { ...object, ...template } : replaced(object, path)) as T
}

const POD: readonly string[] = []

/** A Pod is known by its kind alone: items of a list of Pods have no apiVersion. */
const pathOfTemplate = (object: ApiObject): readonly string[] | undefined =>
  object.kind === 'Pod' ? POD : templateKindOf(object)?.template

/** Whether new Pods replace the object's Pods, or the Pod itself, when the template changes. */
export const isReplaced = (object: ApiObject): boolean =>
  object.kind === 'Pod' ? isReplacedPod(object.metadata) : replacesItsPods(object)

/** A ReplicaSet's own Pods stay as they are; these labels are on those of a Deployment's and a Rollout's. */
export function isReplacedPod(metadata: V1ObjectMeta | undefined): boolean {
  const owner = controller(metadata)
  if (!owner) return false
  if (owner.kind !== 'ReplicaSet') return replacesItsPods(owner)
  const { labels = {} } = metadata ?? {}
  return 'pod-template-hash' in labels || 'rollouts-pod-template-hash' in labels
}

/** The controller that owns a Pod, or a workload that another controller writes. */
export const controller = (metadata: V1ObjectMeta | undefined) =>
  metadata?.ownerReferences?.find((owner) => owner.controller === true)
