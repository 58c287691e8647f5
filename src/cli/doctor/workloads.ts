/** Whether what users asked for comes about, workload by workload. Pure: lists of objects in, findings out. */
import type { V1Pod } from '@kubernetes/client-node'
import { classifyReferences } from '../../policy/classify-references.ts'
import type { Defaults } from '../../policy/defaults.ts'
import { annotationsOf, INJECT, isOptedIn } from '../../policy/mirror.ts'
import { readPod, readWorkload } from '../../policy/read-workload.ts'
import { runsToCompletion } from '../../workload/kinds.ts'
import { type ApiObject, controller, podTemplate } from '../../workload/pod-template.ts'
import { references } from '../../workload/references.ts'
import { followedSources } from '../explain/other-tools.ts'
import { isNeverLabelled } from '../shared/namespace-label.ts'
import { count, type Finding, few } from './finding.ts'

const nameOf = ({ kind, metadata }: ApiObject): string => `${kind} ${metadata?.name}`
const namespaceOf = ({ metadata }: ApiObject): string => metadata?.namespace ?? ''

/** Those that users write: what a controller made is its controller's. */
export const usersOwn = (objects: readonly ApiObject[]): ApiObject[] =>
  objects.filter(({ metadata }) => !controller(metadata))

const byNamespace = (objects: readonly ApiObject[]): [string, ApiObject[]][] =>
  [...Map.groupBy(objects, namespaceOf)].toSorted(([a], [b]) => (a < b ? -1 : 1))

/** Opted in where nobody listens. */
export function checkNamespaces(workloads: readonly ApiObject[], labelled: ReadonlySet<string>): Finding[] {
  const check = 'namespaces'
  const deaf = byNamespace(workloads.filter((one) => isOptedIn(one) && !labelled.has(namespaceOf(one))))
  if (deaf.length === 0)
    return [{ check, result: 'ok', text: 'every opted-in workload is in a labelled namespace' }]
  return deaf.map(([namespace, ones]) => ({
    check,
    result: 'problem',
    text: `namespace ${namespace} has no label hotreload.dev/injection=enabled, so hotreload.dev/inject does nothing on ${few(ones.map(nameOf))}; ${
      isNeverLabelled(namespace)
        ? 'hotreload never acts there'
        : `kubectl label namespace ${namespace} hotreload.dev/injection=enabled`
    }`,
  }))
}

/** Mistakes that were there before the webhook was. */
export function checkAnnotations(
  workloads: readonly ApiObject[],
  labelled: ReadonlySet<string>,
  defaults: Defaults,
): Finding[] {
  const check = 'annotations'
  const ours = workloads.filter((one) => isOptedIn(one) && labelled.has(namespaceOf(one)))
  const mistaken = ours.filter((one) => readWorkload(one, defaults).problems.length > 0)
  if (mistaken.length === 0)
    return [{ check, result: 'ok', text: `${count(ours.length, 'opted-in workload')}, without mistakes` }]
  return mistaken.map((one) => ({
    check,
    result: 'problem',
    text: `${nameOf(one)} in namespace ${namespaceOf(one)}: ${readWorkload(one, defaults).problems[0]?.message}`,
  }))
}

/** Pods that should have an agent and have none, by their own word or by that of their workload. */
export function checkPods(
  pods: readonly (ApiObject & V1Pod)[],
  workloads: readonly ApiObject[],
  labelled: ReadonlySet<string>,
  defaults: Defaults,
): Finding[] {
  const check = 'pods'
  const without = pods.filter(
    (pod) =>
      labelled.has(namespaceOf(pod)) &&
      pod.metadata?.deletionTimestamp === undefined &&
      (pod.status?.phase === 'Running' || pod.status?.phase === 'Pending') &&
      readPod(pod, defaults).skip === undefined,
  )
  const untold = workloads.filter((one) => labelled.has(namespaceOf(one)) && isUntold(one, defaults))
  if (without.length === 0 && untold.length === 0)
    return [{ check, result: 'ok', text: 'every Pod that asks for an agent has it' }]
  const passedOver = byNamespace(without).map(
    ([namespace, ones]): Finding => ({
      check,
      result: 'problem',
      text: `${count(ones.length, 'Pod')} in namespace ${namespace} (${few(ones.map(({ metadata }) => metadata?.name ?? ''))}) ${
        ones.length === 1 ? 'asks for an agent and has' : 'ask for an agent and have'
      } none, made while hotreload was away: kubectl rollout restart the workload, or make the Pod again`,
    }),
  )
  const neverAsked = byNamespace(untold).map(
    ([namespace, ones]): Finding => ({
      check,
      result: 'problem',
      text: `Pods of ${few(ones.map(nameOf))} in namespace ${namespace} have no agent: hotreload.dev/inject was set while hotreload was away or the namespace had no label; kubectl rollout restart them`,
    }),
  )
  return [...passedOver, ...neverAsked]
}

/** Its own annotation was never mirrored into its template, so that its Pods don't ask; the same manifest applied again changes nothing. */
function isUntold(workload: ApiObject, defaults: Defaults): boolean {
  const told = annotationsOf(podTemplate(workload))[INJECT] !== undefined
  if (!isOptedIn(workload) || told || runsToCompletion(workload)) return false
  const { plan, problems } = readWorkload(workload, defaults)
  return problems.length === 0 && plan.containers.some(({ agent }) => agent)
}

/**
 * Namespace -> Secrets whose change needs new Pods.
 * @param compat whether other tools' annotations are followed, as they are without our label
 */
export function secretsToRead(
  workloads: readonly ApiObject[],
  labelled: ReadonlySet<string>,
  defaults: Defaults,
  compat: boolean,
): Map<string, string[]> {
  const uses = workloads.flatMap((one) => {
    const namespace = namespaceOf(one)
    const rolls = isOptedIn(one) && labelled.has(namespace) && !runsToCompletion(one)
    const own = rolls ? classifyReferences(readWorkload(one, defaults).plan).rollout : []
    const followed = compat ? followedSources(one, defaults) : []
    return [...own.map(({ kind, name }) => ({ kind, name, namespace })), ...followed.map(({ use }) => use)]
  })
  const secrets = Map.groupBy(
    uses.filter(({ kind }) => kind === 'Secret'),
    ({ namespace }) => namespace,
  )
  return new Map(
    [...secrets].map(([namespace, ones]) => [namespace, [...new Set(ones.map(({ name }) => name))]]),
  )
}

/** @param readable whether hotreload may read Secrets of a namespace; undefined: we may not ask */
export function checkSecrets(
  secrets: ReadonlyMap<string, readonly string[]>,
  readable: ReadonlyMap<string, boolean | undefined>,
): Finding[] {
  const check = 'secrets'
  if (secrets.size === 0) return [{ check, result: 'ok', text: 'no change of a Secret needs new Pods' }]
  return [...secrets].map(([namespace, names]) => {
    const may = readable.get(namespace)
    const which = `Secret ${few(names)} in namespace ${namespace}`
    if (may === undefined)
      return {
        check,
        result: 'unknown',
        text: `${which}: you may not create subjectaccessreviews, to see who reads it`,
      }
    return may
      ? { check, result: 'ok', text: `${which} is read, and rolls out` }
      : {
          check,
          result: 'warning',
          text: `${which} needs new Pods when it changes but may not be read: kubectl apply -n ${namespace} -k deploy/secrets, or nothing rolls out`,
        }
  })
}

/** What Kubernetes itself never updates, where nobody asked us to. */
export function checkSubPaths(workloads: readonly ApiObject[]): Finding[] {
  const check = 'subpaths'
  const dead = workloads
    .filter((one) => !isOptedIn(one) && !runsToCompletion(one) && !isNeverLabelled(namespaceOf(one)))
    .map((one) => ({ one, mounts: deadMounts(one) }))
    .filter(({ mounts }) => mounts > 0)
  if (dead.length === 0)
    return [{ check, result: 'ok', text: 'no workload has subPath mounts that nobody updates' }]
  return byNamespace(dead.map(({ one }) => one)).map(([namespace, ones]) => {
    const mounts = dead.filter(({ one }) => ones.includes(one)).reduce((sum, one) => sum + one.mounts, 0)
    return {
      check,
      result: 'warning',
      text: `namespace ${namespace}: ${count(mounts, 'subPath mount')} of ConfigMaps or Secrets (${few(ones.map(nameOf))}) never ${
        mounts === 1 ? 'follows' : 'follow'
      } an edit; hotreload.dev/inject: "true" changes that, see hotreload explain`,
    }
  })
}

function deadMounts(workload: ApiObject): number {
  const spec = podTemplate(workload)?.spec ?? { containers: [] }
  const mounts = references(spec).filter(({ as, init }) => as === 'subPath' && !init)
  // A projected volume has several sources behind one mount.
  return new Set(mounts.map(({ container, mountPath }) => `${container}:${mountPath}`)).size
}
