/**
 * Explains what a change of each ConfigMap and Secret would do to a workload that uses it. The plan and the sentences are those of the
 * webhook; nothing is decided here. Pure: object and contents in, values out.
 */
import { unlabelledWarning } from '../../admission/unlabelled-handler.ts'
import { idleWarnings, workloadWarnings } from '../../admission/workload-warnings.ts'
import {
  type ExpectedChecksums,
  expectedChecksums,
  observe,
  plannedSources,
} from '../../checksum/expected-checksums.ts'
import { grantSecrets } from '../../manual.ts'
import { judgeReferences } from '../../policy/classify-references.ts'
import { skipReasons, unsuitable } from '../../policy/decide.ts'
import type { Defaults } from '../../policy/defaults.ts'
import { annotationsOf, INJECT, isOptedIn, withAnnotations } from '../../policy/mirror.ts'
import { readPod, readWorkload, type WorkloadReading } from '../../policy/read-workload.ts'
import { enumerate } from '../../policy/values/bounds.ts'
import { type InstallKey, sourceId, type UsedKeys } from '../../workload/checksum.ts'
import { restartCommand, runsToCompletion, workloadKindOf } from '../../workload/kinds.ts'
import { type ApiObject, controller, podTemplate, withPodTemplate } from '../../workload/pod-template.ts'
import type { ConfigContent, Unreadable } from '../../workload/source-content.ts'
import { isNeverLabelled, whyNotCovered } from '../shared/namespace-label.ts'
import { blockers, missingSources } from './blockers.ts'
import { type Change, explainChange } from './change.ts'
import { otherTools } from './other-tools.ts'

export interface Explanation {
  object: { kind: string; namespace?: string; name: string }
  /** Else `changes` says what would happen with hotreload.dev/inject: "true". */
  optedIn: boolean
  /** Why its Pods get no agent; absent: they get one. */
  notInjected?: string
  changes: Change[]
  /** Mistakes, and whatever prevents all of it. */
  problems: string[]
  warnings: string[]
}

/** What is known of the cluster. For manifests: the other objects of the same files. */
export interface Surroundings {
  defaults: Defaults
  /** What a source contains, or why that is not known; undefined: nothing is known of it, and no warning says so. */
  content: (used: UsedKeys) => ConfigContent | Unreadable | undefined
  /** Whether the namespace has our label; undefined: not known. */
  labelled: boolean | undefined
  /** False: hotreload watches other namespaces only. */
  isWatched?: boolean
  /** The workload's Pods that run now; undefined: not known. */
  pods?: RunningPods
  /** The objects are in a cluster, so that `content` knows which Secrets hotreload may read. */
  isLive?: boolean
}

export interface RunningPods {
  running: number
  withoutAgent: number
}

/** Only the presence of checksums matters here, so any key and namespace will do. */
const ANY_KEY: InstallKey = { id: '00000000', key: new Uint8Array(32) }
const UNKNOWN: ConfigContent = { data: {}, binaryData: {}, immutable: false }

/** The sources that an explanation asks `content` for. */
export function sourcesOf(object: ApiObject, defaults: Defaults): UsedKeys[] {
  const { rollout, inPlace } = plannedSources(readWorkload(asIfOptedIn(object), defaults).plan)
  return [...rollout, ...inPlace]
}

/** @param object has a pod template */
export function explain(object: ApiObject, around: Surroundings): Explanation {
  const { kind = '', metadata = {} } = object
  const workload = asIfOptedIn(object)
  const reading = readWorkload(workload, around.defaults)
  const { plan, template, skip } = reading
  const checksums = expectedChecksums(plannedSources(plan), (used) =>
    observe({ ...used, namespace: '' }, around.content(used) ?? UNKNOWN, ANY_KEY),
  )
  const { problems, warnings } = admissionMessages(workload, reading, checksums)
  const { namespace = 'default' } = metadata
  const optedIn = isOptedIn(object)
  const { labelled, isWatched = true } = around
  const isUncovered = optedIn && (labelled === false || !isWatched) && !controller(metadata)
  const reason = unsuitable(template)
  const withoutAgent =
    optedIn && !isUncovered && skip === undefined ? podsWithoutAgent(around.pods) : undefined
  const circumstances = {
    workload: object,
    ...(isUncovered ? { notCovered: whyNotCovered(namespace, isWatched) } : {}),
    ...(withoutAgent?.isEach ? { noAgentYet: withoutAgent.text } : {}),
    ...(reason ? { notInjected: `Pods are not injected: ${skipReasons[reason]}` } : {}),
    immutable: new Set(checksums.immutable.map(sourceId)),
    forbidden: new Set(
      checksums.unreadable.filter(({ why }) => why === 'forbidden').map(({ used }) => sourceId(used)),
    ),
    env: plan.policy.shared.env ?? 'rollout',
  }
  // With mistakes nobody acts on the plan.
  const changes =
    problems.length > 0
      ? []
      : withoutRepetitions(judgeReferences(plan).map((one) => explainChange(one, plan, circumstances)))
  return {
    object: {
      kind,
      ...(metadata.namespace ? { namespace: metadata.namespace } : {}),
      name: metadata.name ?? metadata.generateName ?? '',
    },
    optedIn,
    ...(skip ? { notInjected: skipReasons[skip] } : {}),
    changes,
    problems: [
      ...problems,
      ...(isUncovered
        ? [
            isNeverLabelled(namespace) || !isWatched
              ? whyNotCovered(namespace, isWatched)
              : unlabelledWarning(object, namespace),
          ]
        : []),
    ],
    warnings: [
      ...idleWarnings(object),
      ...warnings,
      ...(withoutAgent ? [`${replacement(object)}: ${withoutAgent.text}`] : []),
      ...missingSources(plan, around.content),
      ...blockers(
        object,
        around.defaults,
        changes.some(({ outcome }) => outcome === 'rolled out'),
      ),
      ...(around.isLive ? [] : secretRights(changes, namespace)),
      ...(isWatched ? otherTools(object, around.defaults, circumstances.forbidden) : []),
    ],
  }
}

function podsWithoutAgent(pods: RunningPods | undefined): { isEach: boolean; text: string } | undefined {
  if (!pods || pods.withoutAgent === 0) return undefined
  const { running, withoutAgent } = pods
  const of = withoutAgent === running ? `${running}` : `${withoutAgent} of ${running}`
  return {
    isEach: withoutAgent === running,
    text: `${of} running ${running === 1 ? 'Pod has' : 'Pods have'} no agent`,
  }
}

/** How a workload gets new Pods. */
function replacement(object: ApiObject): string {
  if (object.kind === 'Pod') return 'create the Pod anew'
  const { kind, apiVersion, metadata } = object
  return (
    restartCommand(metadata?.namespace ?? 'default', [{ kind, apiVersion, name: metadata?.name }]) ??
    'delete its Pods'
  )
}

/** Manifests don't say what hotreload may read in the cluster. */
function secretRights(changes: readonly Change[], namespace: string): string[] {
  const secrets = changes.filter(
    ({ source, outcome }) => outcome === 'rolled out' && source.startsWith('Secret/'),
  )
  const names = [...new Set(secrets.map(({ source }) => source))]
  return names.length === 0
    ? []
    : [
        `${grantSecrets(namespace)}, unless hotreload may read Secrets already: else a change of ${enumerate(names)} rolls nothing out`,
      ]
}
/** A projected volume may name a source twice. */
const withoutRepetitions = (changes: readonly Change[]): Change[] => [
  ...new Map(changes.map((change) => [JSON.stringify(change), change])).values(),
]

/** The same object, opted in. An `inject` that is neither true nor false stays, so that its mistake is reported. */
function asIfOptedIn(object: ApiObject): ApiObject {
  const template = podTemplate(object)
  const [own, inner] = [annotationsOf(object), annotationsOf(template)]
  const isDecided = [own, inner].some(({ [INJECT]: inject = 'false' }) => inject.trim() !== 'false')
  if (!template || isDecided) return object
  const { [INJECT]: _, ...annotations } = own
  return withPodTemplate(
    { ...object, metadata: { ...object.metadata, annotations } },
    withAnnotations(template, { ...inner, [INJECT]: 'true' }),
  )
}

/** What `kubectl apply` of the workload, or the creation of its Pods, would print. */
function admissionMessages(
  object: ApiObject,
  reading: WorkloadReading,
  checksums: ExpectedChecksums,
): { problems: string[]; warnings: string[] } {
  if (!workloadKindOf(object)) {
    const pod = podTemplate(object) ?? {}
    const { skip, warnings } = readPod(pod, reading.plan.defaults, object.kind === 'Pod')
    return skip === 'invalid' ? { problems: warnings, warnings: [] } : { problems: [], warnings }
  }
  if (controller(object.metadata)) return { problems: [], warnings: [] }
  if (reading.problems.length > 0)
    return { problems: reading.problems.map(({ message }) => message), warnings: [] }
  const context = {
    isChanged: true,
    isFrozen: false,
    // It stands among what blocks a change.
    keptPods: undefined,
    checksums: runsToCompletion(object) ? undefined : checksums,
    namespace: object.metadata?.namespace ?? 'default',
  }
  return { problems: [], warnings: workloadWarnings(reading, context) }
}
