/** Decides whether a Pod is injected, or why not, and plans each of its containers. Pure: the Pod's template and its policy in, a plan out. */
import type { V1Container, V1PodSpec, V1Volume } from '@kubernetes/client-node'
import type { UserError } from '../errors.ts'
import { manual } from '../manual.ts'
import type { PodTemplate } from '../workload/pod-template.ts'
import { exceedsMountedParts, isConfigVolume, isTokenVolume, volumeSize } from '../workload/references.ts'
import { contestedReferences, helperNotes, servedForNothing } from './contested-references.ts'
import type { Defaults } from './defaults.ts'
import { hasVariables, variableSources } from './env.ts'
import { liveNotes, sharedNotes } from './gate.ts'
import type { Note } from './methods/method-row.ts'
import { sharingNotes } from './methods/process-namespace.ts'
import { methodOf } from './methods/reload-methods.ts'
import { type ContainerPlan, needsSharing, type PodPlan } from './plan.ts'
import { type KeptMounts, mountsAny, type PlanRequest, planContainer } from './plan-container.ts'
import type { Policy } from './policy.ts'
import { trialNotes, trialProblems } from './trial/trial.ts'
import { unknownNames } from './unknown-names.ts'
import { CONTAINERS, MOUNTS, VOLUME_PARTS, WATCHED } from './values/bounds.ts'

/** A refusal is a value: a key for logs and metrics, a sentence for people. */
export const skipReasons = {
  notRequested: 'hotreload.dev/inject is not "true"',
  alreadyInjected: 'the agent is there already',
  mirrorPod: "it is a mirror Pod, written by a node's kubelet from a file",
  hostPID: 'spec.hostPID is true, so the Pod has no process namespace of its own to share',
  windows: 'it runs on Windows',
  nothingToWatch: 'no container uses a ConfigMap or Secret in a way that can be reloaded in place',
  invalid: 'its hotreload.dev annotations have mistakes',
} as const
export type SkipReason = keyof typeof skipReasons

export interface Decision {
  plan: PodPlan
  /** Mistakes in the annotations. If there is one, nobody may act on the plan. */
  problems: UserError[]
  /** Why the Pod is not injected; absent: it is. */
  skip?: SkipReason
}

/** Why a Pod can't be injected whatever its annotations say; undefined: it can. */
export function unsuitable({ metadata, spec }: PodTemplate): SkipReason | undefined {
  if (metadata?.annotations?.['kubernetes.io/config.mirror'] !== undefined) return 'mirrorPod'
  if (spec?.hostPID) return 'hostPID'
  if (spec?.os?.name === 'windows' || spec?.nodeSelector?.['kubernetes.io/os'] === 'windows') return 'windows'
  return undefined
}

export interface DecisionRequest {
  template: PodTemplate
  policy: Policy
  defaults: Defaults
  /**
   * Whether a user created the Pod. Then its mounts stay as they are, or the next `kubectl apply` of the same manifest would try to change
   * fields that can't be changed.
   */
  isBare: boolean
  /** Whether the manifest is rewritten itself, so that the mounts of a bare Pod may change, too. */
  isManifest: boolean
  /** Whether new Pods replace the Pod when its template changes. */
  isReplaced: boolean
}

export function decide(request: DecisionRequest): Decision {
  const { template, policy, defaults, isBare, isManifest, isReplaced } = request
  const spec: V1PodSpec = template.spec ?? { containers: [] }
  const watched = watchedVolumes(spec, policy)
  const kept = keptMounts(template, isBare && !isManifest)
  const targets = targetContainers({ spec, policy, defaults, watched })
  const excess = excessOf(targets, watched, policy)
  const planRequest: PlanRequest = {
    spec,
    policy,
    defaults,
    watched,
    isBare,
    keptMounts: kept,
    isTooLarge: excess !== undefined,
  }
  const first = targets.map((container) => planContainer(container, planRequest))
  const draft = { spec, policy, defaults, isReplaced, containers: first.map(({ plan }) => plan) }
  const contested = draft.containers.some(({ agent }) => agent) ? contestedReferences(draft) : []
  const rolledOut = servedForNothing(contested)
  const planned = first.map((one) =>
    rolledOut.has(one.plan.container.name)
      ? planContainer(one.plan.container, {
          ...planRequest,
          rolledOut: rolledOut.get(one.plan.container.name),
        })
      : one,
  )
  const containers = planned.map(({ plan }) => plan)
  const shareProcessNamespace = containers.some(needsSharing)
  const plan: PodPlan = {
    spec,
    policy,
    defaults,
    containers,
    shareProcessNamespace,
    keepsMounts: kept !== undefined,
    isReplaced,
    rolledOut,
    notes: [
      ...boundNotes(spec, excess),
      ...helperNotes(contested, containers),
      ...liveNotes(spec, containers),
      ...sharedNotes(containers),
      ...containers.flatMap(({ container, gate, reload }) =>
        gate?.trial
          ? trialNotes(container, gate.trial, {
              seesProcesses: shareProcessNamespace || spec.shareProcessNamespace === true,
              startsAgain: methodOf(reload).endsProcess !== false,
            })
          : [],
      ),
      ...(shareProcessNamespace ? sharingNotes(spec) : []),
    ],
  }
  const problems = [
    ...unknownNames(spec, policy, targets, watched),
    ...planned.flatMap((one) => one.problems),
    ...trialProblems(policy, defaults.annotations),
    ...(shareProcessNamespace || spec.shareProcessNamespace ? sharingProblems(containers) : []),
  ]
  const skip =
    policy.shared.inject !== true ? 'notRequested' : problems.length > 0 ? 'invalid' : unsuitable(template)
  const reason = skip ?? (containers.some(({ agent }) => agent) ? undefined : 'nothingToWatch')
  return { plan, problems, ...(reason ? { skip: reason } : {}) }
}

const sharingProblems = (containers: readonly ContainerPlan[]): UserError[] =>
  containers.flatMap(({ agent, reload, container }) =>
    agent ? (methodOf(reload).sharingProblem?.(container) ?? []) : [],
  )

function keptMounts(template: PodTemplate, isBare: boolean): KeptMounts | undefined {
  if (unsuitable(template)) return { reason: 'the Pod is not injected', allowsAgent: false }
  return isBare ? { reason: 'the mounts of a bare Pod are left as they are', allowsAgent: true } : undefined
}

/** ConfigMaps, Secrets and CSI volumes of the user, or exactly the volumes that `volumes` names. */
function watchedVolumes({ volumes = [] }: V1PodSpec, { shared }: Policy): Map<string, V1Volume> {
  const named = shared.volumes && new Set(shared.volumes)
  return new Map(
    volumes
      .filter((volume) => (named ? named.has(volume.name) : isConfigVolume(volume) && !isTokenVolume(volume)))
      .map((volume) => [volume.name, volume]),
  )
}

function targetContainers({
  spec,
  policy: { shared },
  defaults,
  watched,
}: Pick<PlanRequest, 'spec' | 'policy' | 'defaults' | 'watched'>): V1Container[] {
  const named = shared.container && new Set(shared.container)
  return spec.containers.filter(
    (container) =>
      (named ? named.has(container.name) : !defaults.excludedContainers.has(container.name)) &&
      (mountsAny(container, watched) || (shared.env === 'restart' && hasVariables(container))),
  )
}

/** Why a Pod is too large for agents, as the beginning of a sentence; undefined: it is not. */
function excessOf(
  targets: readonly V1Container[],
  watched: ReadonlyMap<string, V1Volume>,
  policy: Policy,
): string | undefined {
  if (targets.length > CONTAINERS)
    return `${targets.length} containers have something to reload, and hotreload serves ${CONTAINERS} of a Pod at most`
  let mounts = 0
  for (const { volumeMounts } of targets) mounts += volumeMounts?.length ?? 0
  if (mounts > MOUNTS)
    return `its containers have ${mounts} mounts, and hotreload reads ${MOUNTS} of a Pod at most`
  let parts = 0
  for (const volume of watched.values()) parts += 1 + volumeSize(volume)
  if (parts > VOLUME_PARTS)
    return `the watched volumes have ${parts} sources and items, and hotreload watches ${VOLUME_PARTS} in a Pod at most`
  const countsVariables = policy.shared.env === 'restart'
  // An ordinary Pod is far from the bound.
  if (parts * targets.length <= WATCHED && !countsVariables) return undefined
  let all = 0
  for (const target of targets)
    all += mountedParts(target, watched) + (countsVariables ? variableSources(target) : 0)
  return all > WATCHED
    ? `its containers together watch ${all} sources and items, and hotreload watches ${WATCHED} in a Pod at most`
    : undefined
}

function mountedParts({ volumeMounts = [] }: V1Container, watched: ReadonlyMap<string, V1Volume>): number {
  let parts = 0
  for (const name of new Set(volumeMounts.map((mount) => mount.name))) {
    const volume = watched.get(name)
    if (volume) parts += 1 + volumeSize(volume)
  }
  return parts
}

const boundNotes = (spec: V1PodSpec, excess: string | undefined): Note[] => [
  ...(excess ? [{ text: `${excess}; changes roll out`, warn: true }] : []),
  ...(exceedsMountedParts(spec)
    ? [
        {
          text: `the Pod mounts more than hotreload follows, so changes of the last mounts have no effect: ${manual('limits')}`,
          warn: true,
        },
      ]
    : []),
]
