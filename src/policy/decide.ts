/**
 * Inject, or skip and why; and for each container: how its process takes a change. Pure: the Pod's spec and its policy in, a plan out.
 * The webhook's two stories, `inject` and the rollouts all act on this one plan.
 */
import type { V1Container, V1LifecycleHandler, V1PodSpec, V1Probe, V1Volume } from '@kubernetes/client-node'
import { UserError } from '../errors.ts'
import type { PodTemplate } from '../workload/pod-template.ts'
import { isConfigVolume, type Reference, references } from '../workload/references.ts'
import { annotations, PREFIX } from './annotations.ts'
import type { Defaults } from './defaults.ts'
import { decideSubPaths, type SubPathMount } from './mounts.ts'
import { type Policy, type Values, settingsOf } from './policy.ts'
import type { Reload } from './presets.ts'
import { type Note, resolveReload } from './reload.ts'

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

export interface ContainerPlan {
  container: V1Container
  reload: Reload
  /** What chose the way, e.g. `preset nginx`. */
  chosenBy: string
  /** Volumes whose swaps the agent watches. */
  volumes: V1Volume[]
  subPaths: SubPathMount[]
  /** Whether an agent runs beside it. */
  agent: boolean
  notes: Note[]
}

export interface PodPlan {
  containers: ContainerPlan[]
  /** Whether the containers must see each other's processes. */
  shareProcessNamespace: boolean
  /** References whose change needs new Pods. */
  rollouts: Reference[]
  /** References that are brought into the running process. */
  live: Reference[]
  /** Whether all mounts stay as the user wrote them, those of init containers included. */
  keepsMounts: boolean
  notes: Note[]
}

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
  const isWatched = watchedBy(policy)
  const targets = targetContainers(spec, policy, defaults, isWatched)
  const hold = holdOn(template, bare)
  const planned = targets.map((container) => planContainer(container, spec, policy, isWatched, hold))
  const containers = planned.map(({ plan }) => plan)
  const plan: PodPlan = {
    containers,
    shareProcessNamespace: containers.some(({ agent, reload }) => agent && reload.way === 'signal'),
    ...sortReferences(spec, policy, defaults, containers),
    keepsMounts: hold !== undefined,
    notes: [],
  }
  plan.notes = plan.shareProcessNamespace ? sharingNotes(spec) : []
  const problems = [...misplaced(spec, policy, targets), ...planned.flatMap((one) => one.problems)]
  const skip =
    policy.shared.inject !== true ? 'notRequested' : problems.length > 0 ? 'invalid' : unsuitable(template)
  const reason = skip ?? (containers.some(({ agent }) => agent) ? undefined : 'nothingToWatch')
  return { plan, problems, ...(reason ? { skip: reason } : {}) }
}

function holdOn(template: PodTemplate, bare: boolean): Hold | undefined {
  if (unsuitable(template)) return { reason: 'the Pod is not injected', agent: false }
  return bare ? { reason: 'the mounts of a bare Pod are left as they are', agent: true } : undefined
}

/** ConfigMaps, Secrets and CSI volumes of the user's, or exactly those that `volumes` names. */
const watchedBy =
  ({ shared }: Policy) =>
  (volume: V1Volume): boolean =>
    shared.volumes ? shared.volumes.includes(volume.name) : isConfigVolume(volume) && !isTokenVolume(volume)

/** ServiceAccount admission's own volume, which holds the cluster's CA in a ConfigMap and a token that rotates. */
const isTokenVolume = (volume: V1Volume): boolean => volume.name.startsWith('kube-api-access-')

function targetContainers(
  spec: V1PodSpec,
  policy: Policy,
  defaults: Defaults,
  isWatched: (volume: V1Volume) => boolean,
) {
  const named = policy.shared.container
  const watched = new Set((spec.volumes ?? []).filter(isWatched).map(({ name }) => name))
  return spec.containers.filter(
    ({ name, volumeMounts = [] }) =>
      (named ? named.includes(name) : !defaults.excludedContainers.has(name)) &&
      volumeMounts.some((mount) => watched.has(mount.name)),
  )
}

function planContainer(
  container: V1Container,
  spec: V1PodSpec,
  policy: Policy,
  isWatched: (volume: V1Volume) => boolean,
  hold: Hold | undefined,
): { plan: ContainerPlan; problems: UserError[] } {
  const settings = settingsOf(policy, container.name)
  const { reload: wished, chosenBy, notes, problems } = resolveReload(container, spec, settings)
  // Without an agent only a program that watches by itself takes a change in place.
  const reload: Reload = hold?.agent === false && wished.way !== 'none' ? { way: 'rollout' } : wished
  const reason = hold?.reason ?? (reload.way === 'rollout' ? 'its changes roll out' : undefined)
  const subPaths = decideSubPaths(
    container,
    spec,
    reason === undefined ? (settings.subpath ?? 'auto') : 'keep',
    isWatched,
  ).map((mount) => (reason === undefined ? mount : { ...mount, reason }))
  const live = new Set(
    (container.volumeMounts ?? [])
      .filter(
        (mount) =>
          !(mount.subPath || mount.subPathExpr) ||
          subPaths.some((one) => one.mount === mount && one.mode !== 'keep'),
      )
      .map(({ name }) => name),
  )
  const volumes = (spec.volumes ?? []).filter((volume) => live.has(volume.name) && isWatched(volume))
  const rewrites = subPaths.some(({ mode }) => mode !== 'keep')
  const agent =
    hold?.agent !== false &&
    reload.way !== 'rollout' &&
    volumes.length > 0 &&
    (reload.way !== 'none' || rewrites)
  return {
    plan: {
      container,
      reload,
      chosenBy,
      volumes,
      subPaths,
      agent,
      notes: [...notes, ...subPathNotes(container, settings, reload, subPaths)],
    },
    problems,
  }
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
      warn: reload.way !== 'rollout' && settings.subpath !== 'keep',
    }))
  const copied = reload.way === 'none' && subPaths.some(({ mode }) => mode === 'copy')
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

/** Which references need new Pods when they change, and which reload in place; the rest are nobody's wish. */
function sortReferences(
  spec: V1PodSpec,
  policy: Policy,
  defaults: Defaults,
  containers: ContainerPlan[],
): Pick<PodPlan, 'rollouts' | 'live'> {
  const plans = new Map(containers.map((plan) => [plan.container.name, plan]))
  const tokens = new Set((spec.volumes ?? []).filter(isTokenVolume).map(({ name }) => name))
  const kind = (reference: Reference): 'rollouts' | 'live' | undefined => {
    const { container, volume, as, init } = reference
    const outside =
      defaults.excludedContainers.has(container) && !policy.shared.container?.includes(container)
    if (outside || (volume !== undefined && tokens.has(volume))) return undefined
    if (as === 'env' || as === 'envFrom') return policy.shared.env === 'ignore' ? undefined : 'rollouts'
    if (init) return 'rollouts'
    const plan = plans.get(container)
    if (!plan || policy.shared.volumes?.includes(volume ?? '') === false) return undefined
    return plan.reload.way === 'rollout' || keptSubPath(plan, reference) ? 'rollouts' : 'live'
  }
  const { rollouts = [], live = [] } = Object.groupBy(
    references(spec),
    (reference) => kind(reference) ?? 'ignored',
  )
  return { rollouts, live }
}

const keptSubPath = ({ subPaths }: ContainerPlan, { as, mountPath }: Reference): boolean =>
  as === 'subPath' && subPaths.some(({ mount, mode }) => mount.mountPath === mountPath && mode === 'keep')

/** Keys that name what the Pod has not, or speak of one program where there are several. */
function misplaced(spec: V1PodSpec, policy: Policy, targets: V1Container[]): UserError[] {
  const containers = spec.containers.map(({ name }) => name)
  const volumes = (spec.volumes ?? []).map(({ name }) => name)
  const missing = (key: string, kind: string, name: string, known: string[]) =>
    new UserError(
      'HR_UNKNOWN_NAME',
      `${PREFIX}${key}: the Pod has no ${kind} ${name}`,
      known.length > 0 ? `it has ${known.join(', ')}` : `it has no ${kind}s`,
    )
  const several = targets.length > 1 ? targets.map(({ name }) => name) : []
  return [
    ...(policy.shared.container ?? [])
      .filter((name) => !containers.includes(name))
      .map((name) => missing('container', 'container', name, containers)),
    ...(policy.shared.volumes ?? [])
      .filter((name) => !volumes.includes(name))
      .map((name) => missing('volumes', 'volume', name, volumes)),
    ...[...policy.byContainer]
      .filter(([name]) => !containers.includes(name))
      .flatMap(([name, settings]) =>
        Object.keys(settings).map((key) => missing(`${key}.${name}`, 'container', name, containers)),
      ),
    ...Object.keys(policy.shared)
      .filter((key) => several.length > 0 && 'oneProgram' in annotations[key as keyof typeof annotations])
      .map(
        (key) =>
          new UserError(
            'HR_SAY_WHICH',
            `${PREFIX}${key}: the Pod has several containers it could mean (${several.join(', ')})`,
            `say which, e.g. ${PREFIX}${key}.${several[0]}, or set ${PREFIX}container`,
          ),
      ),
  ]
}

/** With shared processes PID 1 is the sandbox, so a `kill 1` in a probe or hook no longer reaches the program. */
function sharingNotes(spec: V1PodSpec): Note[] {
  if (spec.shareProcessNamespace) return []
  return spec.containers.flatMap((container) => {
    const { lifecycle, livenessProbe, readinessProbe, startupProbe } = container
    const handlers: Record<string, V1Probe | V1LifecycleHandler | undefined> = {
      preStop: lifecycle?.preStop,
      postStart: lifecycle?.postStart,
      livenessProbe,
      readinessProbe,
      startupProbe,
    }
    return Object.entries(handlers)
      .filter(([, handler]) => /\bkill\b[^;&|]*\s1\b/.test((handler?.exec?.command ?? []).join(' ')))
      .map(([name]) => ({
        text: `container ${container.name}: ${name} runs \`kill … 1\`, which misses the program once processes are shared; use pkill`,
        warn: true,
      }))
  })
}
