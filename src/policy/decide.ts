/**
 * Inject, or skip and why; and for each container: how its process takes a change. Pure: the Pod's spec and its policy in, a plan out.
 * The webhook's two stories, `inject` and the rollouts all act on this one plan.
 */
import type { V1Container, V1PodSpec, V1Volume } from '@kubernetes/client-node'
import type { UserError } from '../errors.ts'
import type { PodTemplate } from '../workload/pod-template.ts'
import { isConfigVolume, isTokenVolume } from '../workload/references.ts'
import type { Defaults } from './defaults.ts'
import { type EnvPlan, hasVariables, planEnv } from './env.ts'
import { type ContainerPlan, type Note, needsSharing, type PodPlan } from './plan.ts'
import { type Policy, settingsOf, type Values } from './policy.ts'
import { type Reload, restartingWays } from './presets.ts'
import { sharingNotes } from './process-namespace.ts'
import { type Resolution, resolveReload } from './reload.ts'
import { decideSubPaths, type SubPathMount } from './subpath-modes.ts'
import { unknownNames } from './unknown-names.ts'

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

/** Why mounts stay as they are, and whether an agent may come all the same. */
interface Hold {
  reason: string
  agent: boolean
}

export interface Decision {
  plan: PodPlan
  /** Mistakes in the annotations; with any, the plan is not to be acted on. */
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

/**
 * @param bare the Pod was made by a user: its mounts are left as they are, or the next `kubectl apply` of the same manifest
 *   would try to change what can't be changed.
 */
export function decide(template: PodTemplate, policy: Policy, defaults: Defaults, bare: boolean): Decision {
  const spec: V1PodSpec = template.spec ?? { containers: [] }
  const watched = watchedVolumes(spec, policy)
  const targets = targetContainers(spec, policy, defaults, watched)
  const hold = holdOn(template, bare)
  const planned = targets.map((container) => planContainer(container, spec, policy, defaults, watched, hold))
  const containers = planned.map(({ plan }) => plan)
  const shareProcessNamespace = containers.some(needsSharing)
  const plan: PodPlan = {
    spec,
    policy,
    defaults,
    containers,
    shareProcessNamespace,
    keepsMounts: hold !== undefined,
    notes: shareProcessNamespace ? sharingNotes(spec) : [],
  }
  const problems = [...unknownNames(spec, policy, targets), ...planned.flatMap((one) => one.problems)]
  const skip =
    policy.shared.inject !== true ? 'notRequested' : problems.length > 0 ? 'invalid' : unsuitable(template)
  const reason = skip ?? (containers.some(({ agent }) => agent) ? undefined : 'nothingToWatch')
  return { plan, problems, ...(reason ? { skip: reason } : {}) }
}

function holdOn(template: PodTemplate, bare: boolean): Hold | undefined {
  if (unsuitable(template)) return { reason: 'the Pod is not injected', agent: false }
  return bare ? { reason: 'the mounts of a bare Pod are left as they are', agent: true } : undefined
}

/** By name: ConfigMaps, Secrets and CSI volumes of the user's, or exactly those that `volumes` names. */
type Watched = ReadonlyMap<string, V1Volume>

const watchedVolumes = ({ volumes = [] }: V1PodSpec, { shared }: Policy): Watched =>
  new Map(
    volumes
      .filter((volume) =>
        shared.volumes
          ? shared.volumes.includes(volume.name)
          : isConfigVolume(volume) && !isTokenVolume(volume),
      )
      .map((volume) => [volume.name, volume]),
  )

function targetContainers(spec: V1PodSpec, policy: Policy, defaults: Defaults, watched: Watched) {
  const named = policy.shared.container
  return spec.containers.filter(
    (container) =>
      (named ? named.includes(container.name) : !defaults.excludedContainers.has(container.name)) &&
      (mountsAny(container, watched) || (policy.shared.env === 'restart' && hasVariables(container))),
  )
}

const mountsAny = ({ volumeMounts = [] }: V1Container, volumes: Watched): boolean =>
  volumeMounts.some(({ name }) => volumes.has(name))

/** Ways that change the container itself, as subPath mounts do. */
const changesContainer = ({ method }: Reload): boolean => method === 'probe' || method === 'supervise'

/** Not all of a workload's Pods may be without their process at once. */
const RESTART_STAGGER_SECONDS = 60

function planContainer(
  container: V1Container,
  spec: V1PodSpec,
  policy: Policy,
  { timeoutSeconds }: Defaults,
  watched: Watched,
  hold: Hold | undefined,
): { plan: ContainerPlan; problems: UserError[] } {
  const settings = settingsOf(policy, container.name)
  const resolved = mountsAny(container, watched) ? resolveReload(container, spec, settings) : nothingMounted
  const env =
    policy.shared.env === 'restart' && hold?.agent !== false
      ? planEnv(container, spec, resolved.reload)
      : noVariables
  // Without an agent only a program that watches by itself takes a change in place.
  const held = hold && (hold.agent ? changesContainer(resolved.reload) : resolved.reload.method !== 'none')
  const reload: Reload = held ? { method: 'rollout' } : resolved.reload
  const reason = hold?.reason ?? (reload.method === 'rollout' ? 'its changes roll out' : undefined)
  const subPaths = decideSubPaths(
    container,
    spec,
    reason === undefined ? (settings.subpath ?? 'auto') : 'keep',
    watched,
  ).map((mount) => (reason === undefined ? mount : { ...mount, reason }))
  const volumes = reload.method === 'rollout' ? [] : liveVolumes(container, subPaths, watched)
  const rewrites = subPaths.some(({ mode }) => mode !== 'keep')
  const reloads = volumes.length > 0 && (reload.method !== 'none' || rewrites)
  // Beside a way that leaves the process running, only a change of its variables ends it.
  const restarts = restartingWays.has(reload.method)
  const restartsForEnv = !restarts && env.sources.length > 0 && settings.stagger === undefined
  return {
    plan: {
      container,
      reload,
      chosenBy: resolved.chosenBy,
      volumes,
      subPaths,
      env: env.sources,
      ...(settings.validate ? { validate: settings.validate } : {}),
      ...(timeoutSeconds === undefined ? {} : { timeout: timeoutSeconds }),
      stagger: settings.stagger ?? (restarts ? RESTART_STAGGER_SECONDS : 0),
      restartStagger: restartsForEnv ? RESTART_STAGGER_SECONDS : 0,
      agent: hold?.agent !== false && (reloads || env.sources.length > 0),
      notes: [...resolved.notes, ...env.notes, ...subPathNotes(container, settings, reload, subPaths)],
    },
    problems: [...resolved.problems, ...env.problems],
  }
}

const nothingMounted: Resolution = {
  reload: { method: 'rollout' },
  chosenBy: 'no volume',
  notes: [],
  problems: [],
}
const noVariables: EnvPlan = { sources: [], notes: [], problems: [] }

/** The watched volumes whose files the container sees change. */
function liveVolumes(
  container: V1Container,
  subPaths: readonly SubPathMount[],
  watched: Watched,
): V1Volume[] {
  const live = new Set(
    (container.volumeMounts ?? [])
      .filter(
        (mount) =>
          !(mount.subPath || mount.subPathExpr) ||
          subPaths.some((one) => one.mount === mount && one.mode !== 'keep'),
      )
      .map(({ name }) => name),
  )
  return [...watched.values()].filter(({ name }) => live.has(name))
}

function subPathNotes(
  container: V1Container,
  settings: Values,
  reload: Reload,
  subPaths: SubPathMount[],
): Note[] {
  const kept = subPaths
    .filter(({ mode }) => mode === 'keep')
    .map(({ mountPath, reason }) => ({
      text: `container ${container.name}: subPath mount ${mountPath} is not updated in place: ${reason}`,
      warn: reload.method !== 'rollout' && settings.subpath !== 'keep',
    }))
  const copied = reload.method === 'none' && subPaths.some(({ mode }) => mode === 'copy')
  return copied
    ? [
        ...kept,
        {
          text: `container ${container.name}: its subPath files are rewritten in place, and it may read one half-written; see docs/limits.md`,
          warn: true,
        },
      ]
    : kept
}
