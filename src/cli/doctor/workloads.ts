/** Finds workloads whose settings have no effect. Pure: lists of objects in, findings out. */
import type { V1Pod } from '@kubernetes/client-node'
import { idleWarnings, templatelessWarnings } from '../../admission/workload-warnings.ts'
import { grantSecrets } from '../../manual.ts'
import { classifyReferences } from '../../policy/classify-references.ts'
import type { Defaults } from '../../policy/defaults.ts'
import { annotationsOf, INJECT, isOptedIn } from '../../policy/mirror.ts'
import { readPod, readWorkload } from '../../policy/read-workload.ts'
import { kindLabel, restartCommand, runsToCompletion } from '../../workload/kinds.ts'
import { type ApiObject, controller, podTemplate } from '../../workload/pod-template.ts'
import { references } from '../../workload/references.ts'
import { followedSources } from '../explain/other-tools.ts'
import { isNeverLabelled } from '../shared/namespace-label.ts'
import { count, type Finding, few } from './finding.ts'
import { checkMissingPods } from './missing-pods.ts'

const nameOf = (object: ApiObject): string => `${kindLabel(object)} ${object.metadata?.name}`
const namespaceOf = ({ metadata }: ApiObject): string => metadata?.namespace ?? ''

/** The objects that users write: those of a controller follow their owner. */
export const withoutController = (objects: readonly ApiObject[]): ApiObject[] =>
  objects.filter(({ metadata }) => !controller(metadata))

const byNamespace = (objects: readonly ApiObject[]): [string, ApiObject[]][] =>
  [...Map.groupBy(objects, namespaceOf)].toSorted(([a], [b]) => (a < b ? -1 : 1))

/** Finds opted-in workloads in namespaces without the label. */
export function checkNamespaces(
  workloads: readonly ApiObject[],
  labelled: ReadonlySet<string>,
  watched?: readonly string[],
): Finding[] {
  const check = 'namespaces'
  const unlabelled = byNamespace(workloads.filter((one) => isOptedIn(one) && !labelled.has(namespaceOf(one))))
  if (unlabelled.length === 0)
    return [{ check, result: 'ok', text: 'every opted-in workload is in a labelled namespace' }]
  return unlabelled.map(([namespace, ones]) => {
    if (watched && !watched.includes(namespace))
      return {
        check,
        result: 'warning',
        namespace,
        text: `hotreload does not watch namespace ${namespace}, so hotreload.dev/inject does nothing on ${few(ones.map(nameOf))}; add the namespace to watchNamespaces of the chart`,
      }
    const command = `kubectl label namespace ${namespace} hotreload.dev/injection=enabled`
    const isNever = isNeverLabelled(namespace)
    return {
      check,
      result: 'problem',
      namespace,
      text: `namespace ${namespace} has no label hotreload.dev/injection=enabled, so hotreload.dev/inject does nothing on ${few(ones.map(nameOf))}; ${isNever ? 'hotreload never acts there' : command}`,
      ...(isNever ? {} : { command }),
    }
  })
}

/** Finds mistakes that were stored before the webhook was installed, and annotations that do nothing: nobody reads a warning twice. */
export function checkAnnotations(
  workloads: readonly ApiObject[],
  labelled: ReadonlySet<string>,
  defaults: Defaults,
): Finding[] {
  const check = 'annotations'
  const ours = workloads.filter((one) => isOptedIn(one) && labelled.has(namespaceOf(one)))
  const findings = workloads.flatMap((one): Finding[] => {
    const namespace = namespaceOf(one)
    const found = (result: Finding['result'], sentence: string): Finding => ({
      check,
      result,
      namespace,
      text: `${nameOf(one)} in namespace ${namespace}: ${sentence}`,
    })
    if (!labelled.has(namespace)) return []
    const { problems, unknown } = readWorkload(one, defaults)
    const [mistake] = isOptedIn(one) ? problems : []
    return [
      ...(mistake ? [found('problem', mistake.message)] : []),
      ...[...unknown, ...(podTemplate(one) ? idleWarnings(one) : templatelessWarnings(one))].map((text) =>
        found('warning', text),
      ),
    ]
  })
  return findings.length > 0
    ? findings
    : [{ check, result: 'ok', text: `${count(ours.length, 'opted-in workload')}, without mistakes` }]
}

/** Finds Pods without an agent that are opted in by their own annotation, or by their workload's. */
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
  const ours = workloads.filter((one) => labelled.has(namespaceOf(one)) && isOptedIn(one))
  const notMirrored = ours.filter((one) => isNotMirrored(one, defaults))
  const missing = checkMissingPods(ours)
  if (without.length === 0 && notMirrored.length === 0 && missing.length === 0)
    return [{ check, result: 'ok', text: 'every opted-in Pod has its agent' }]
  const ofPods = byNamespace(without).map(([namespace, ones]): Finding => {
    const owners = new Map(ones.map((one) => [JSON.stringify(workloadOf(one)), workloadOf(one)]))
    const command = restartCommand(namespace, [...owners.values()])
    return {
      check,
      result: 'problem',
      namespace,
      text: `${count(ones.length, 'Pod')} in namespace ${namespace} (${few(ones.map(({ metadata }) => metadata?.name ?? ''))}) ${
        ones.length === 1 ? 'is opted in and has' : 'are opted in and have'
      } no agent, created while hotreload was not available; ${command ?? 'create them anew'}`,
      ...(command === undefined ? {} : { command }),
    }
  })
  const ofWorkloads = byNamespace(notMirrored).map(([namespace, ones]): Finding => {
    const command = restartCommand(
      namespace,
      ones.map(({ kind, apiVersion, metadata }) => ({ kind, apiVersion, name: metadata?.name })),
    )
    return {
      check,
      result: 'problem',
      namespace,
      text: `Pods of ${few(ones.map(nameOf))} in namespace ${namespace} have no agent: hotreload.dev/inject was set while hotreload was not available or the namespace had no label; ${command ?? 'delete these Pods'}`,
      ...(command === undefined ? {} : { command }),
    }
  })
  return [...ofPods, ...ofWorkloads, ...missing]
}

/** The workload that a Pod belongs to: the Deployment behind a ReplicaSet that has its name and the hash of a template. */
function workloadOf({ metadata }: V1Pod): { apiVersion?: string; kind?: string; name?: string } {
  const { apiVersion = '', kind = 'Pod', name = metadata?.name ?? '' } = controller(metadata) ?? {}
  const suffix = `-${metadata?.labels?.['pod-template-hash']}`
  return kind === 'ReplicaSet' && name.endsWith(suffix)
    ? { apiVersion, kind: 'Deployment', name: name.slice(0, -suffix.length) }
    : { apiVersion, kind, name }
}

/** Whether the opt-in is missing in the template, so that its Pods get no agent. A new apply of the same manifest changes nothing. */
function isNotMirrored(workload: ApiObject, defaults: Defaults): boolean {
  const isMirrored = annotationsOf(podTemplate(workload))[INJECT] !== undefined
  if (!isOptedIn(workload) || isMirrored || runsToCompletion(workload)) return false
  const { plan, problems } = readWorkload(workload, defaults)
  return problems.length === 0 && plan.containers.some(({ agent }) => agent)
}

/**
 * Namespace -> names of Secrets whose change needs new Pods.
 * @param compat whether hotreload follows other tools' annotations, for which a namespace needs no label
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

/** @param readable whether hotreload may read the Secrets of a namespace; undefined: the user may not check that */
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
        text: `${which}: you may not create subjectaccessreviews, which shows whether hotreload can read it`,
      }
    return may
      ? { check, result: 'ok', text: `${which} can be read, and a change rolls out` }
      : {
          check,
          result: 'warning',
          namespace,
          command: grantSecrets(namespace),
          text: `${which} needs new Pods when it changes, but hotreload may not read it: ${grantSecrets(namespace)}, or nothing rolls out`,
        }
  })
}

/** Finds subPath mounts of workloads that are not opted in: Kubernetes never updates them. */
export function checkSubPaths(workloads: readonly ApiObject[]): Finding[] {
  const check = 'subpaths'
  const stale = workloads
    .filter((one) => !isOptedIn(one) && !runsToCompletion(one) && !isNeverLabelled(namespaceOf(one)))
    .map((one) => ({ one, mounts: staleMounts(one) }))
    .filter(({ mounts }) => mounts > 0)
  if (stale.length === 0)
    return [{ check, result: 'ok', text: 'no workload has subPath mounts that never follow an edit' }]
  return byNamespace(stale.map(({ one }) => one)).map(([namespace, ones]) => {
    const mounts = stale.filter(({ one }) => ones.includes(one)).reduce((sum, one) => sum + one.mounts, 0)
    return {
      check,
      result: 'warning',
      namespace,
      text: `namespace ${namespace}: ${count(mounts, 'subPath mount')} of ConfigMaps or Secrets (${few(ones.map(nameOf))}) never ${
        mounts === 1 ? 'follows' : 'follow'
      } an edit; hotreload.dev/inject: "true" changes that, see hotreload explain`,
    }
  })
}

function staleMounts(workload: ApiObject): number {
  const spec = podTemplate(workload)?.spec ?? { containers: [] }
  const mounts = references(spec).filter(({ as, init }) => as === 'subPath' && !init)
  // A projected volume has several sources behind one mount.
  return new Set(mounts.map(({ container, mountPath }) => `${container}:${mountPath}`)).size
}
