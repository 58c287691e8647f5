/** Plans one container: how its process takes a change, what the agent watches, and what happens to its subPath mounts. */
import type { V1Container, V1PodSpec, V1Volume, V1VolumeMount } from '@kubernetes/client-node'
import type { UserError } from '../errors.ts'
import { manual } from '../manual.ts'
import { sourceId } from '../workload/checksum.ts'
import type { Reference } from '../workload/references.ts'
import type { Defaults } from './defaults.ts'
import { type EnvPlan, planEnv } from './env.ts'
import { planGate } from './gate.ts'
import type { Note } from './methods/method-row.ts'
import { methodOf, type Reload } from './methods/reload-methods.ts'
import {
  isDecidedByUser,
  isInPlace,
  type MountWays,
  mountWays,
  reloadFor,
  wayOf,
} from './mounts/mount-ways.ts'
import { decideSubPaths, type SubPathMount } from './mounts/subpath-modes.ts'
import type { ContainerPlan } from './plan.ts'
import { type Policy, settingsOf, type Values } from './policy.ts'
import type { Way } from './presets/preset.ts'
import { type Resolution, resolveReload } from './reload.ts'
import { NOTES } from './values/bounds.ts'

/** Why mounts stay as the user wrote them. */
export interface KeptMounts {
  /** The end of a sentence. */
  reason: string
  /** Whether an agent may be added all the same. */
  allowsAgent: boolean
}

export interface PlanRequest {
  spec: V1PodSpec
  policy: Policy
  defaults: Defaults
  /** The Pod's volumes that agents watch, by name. */
  watched: ReadonlyMap<string, V1Volume>
  /** A user created the Pod. */
  isBare: boolean
  keptMounts: KeptMounts | undefined
  /** The Pod is over a bound, so that it gets no agent and all its changes roll out. */
  isTooLarge: boolean
  /** What no agent serves in this container, because new Pods come for another one: mountPaths, and ids of the sources of variables. */
  rolledOut?: ReadonlyMap<string, Reference> | undefined
}

/** Not all of a workload's Pods may be without their process at once. */
const RESTART_STAGGER_SECONDS = 60

const rollout: Reload = { method: 'rollout' }
const nothingMounted: Resolution = {
  reload: rollout,
  chosenBy: 'no volume',
  because: '',
  paths: undefined,
  notes: [],
  problems: [],
}
const tooLarge: Resolution = {
  ...nothingMounted,
  chosenBy: 'a bound',
  because: 'a bound says so',
}
const noVariables: EnvPlan = { sources: [], notes: [], problems: [] }

export function planContainer(
  container: V1Container,
  request: PlanRequest,
): { plan: ContainerPlan; problems: UserError[] } {
  const { spec, policy, watched, keptMounts, isTooLarge, rolledOut } = request
  const { timeoutSeconds } = request.defaults
  const settings = settingsOf(policy, container.name)
  const resolved = resolve(container, request, settings)
  const allowsAgent = !isTooLarge && keptMounts?.allowsAgent !== false
  const env =
    policy.shared.env === 'restart' && allowsAgent ? planEnv(container, spec, resolved.reload) : noVariables
  const restarting = env.sources.filter((source) => !rolledOut?.has(sourceId(source)))
  const isPossible = !keptMounts || fits(resolved.reload, keptMounts)
  const own = isPossible ? resolved : { ...resolved, reload: rollout, because: keptMounts.reason }
  const ofVolumes = isTooLarge ? undefined : settings['volume-reload']
  const ways = mountWays({ container, watched, ofVolumes, rolledOut, ...own })
  const reload = reloadFor(ways, own.reload)
  const { agent, endsProcess } = methodOf(reload)
  const isServed = ({ mountPath }: V1VolumeMount) =>
    reload.method !== 'rollout' && ways.get(mountPath)?.way === wayOf(reload)
  const keptBecause = (mount: V1VolumeMount) =>
    keptMounts?.reason ??
    (isServed(mount) ? undefined : keptReasons[ways.get(mount.mountPath)?.way ?? 'rollout'])
  const mode = settings.subpath ?? 'auto'
  const subPaths = isTooLarge ? [] : decideSubPaths({ container, spec, watched, mode, keptBecause })
  const volumes = updatedVolumes(container, subPaths, watched, isServed)
  const rewrites = subPaths.some((one) => one.mode !== 'keep')
  const decision = planGate({ container, spec, settings, reload, volumes, obstacle: gateObstacle(request) })
  const { gate, validate } = decision
  const reloads = volumes.length > 0 && (agent !== 'optional' || rewrites || gate !== undefined)
  // If the method leaves the process running, only a change of its variables ends it.
  const restartsForEnv = !endsProcess && restarting.length > 0 && settings.stagger === undefined
  return {
    plan: {
      container,
      reload,
      ways,
      chosenBy: resolved.chosenBy,
      isReloadSidecar: resolved.isReloadSidecar === true,
      volumes,
      subPaths,
      env: restarting,
      ...(validate ? { validate } : {}),
      ...(gate ? { gate } : {}),
      ...(timeoutSeconds === undefined ? {} : { timeout: timeoutSeconds }),
      stagger: settings.stagger ?? (endsProcess ? RESTART_STAGGER_SECONDS : 0),
      restartStagger: restartsForEnv ? RESTART_STAGGER_SECONDS : 0,
      agent: allowsAgent && (reloads || restarting.length > 0),
      notes: [
        ...(isDecidedByUser(ways) ? [] : resolved.notes),
        ...env.notes,
        ...subPathNotes({ container, settings, reload, ways, subPaths }),
        ...decision.notes,
      ],
    },
    problems: [...resolved.problems, ...env.problems, ...decision.problems],
  }
}

const gateObstacle = ({ isTooLarge, isBare, keptMounts }: PlanRequest): string | undefined => {
  if (isTooLarge) return 'a bound says so'
  return isBare ? 'it is in a bare Pod' : keptMounts?.reason
}

function resolve(
  container: V1Container,
  { spec, watched, isTooLarge }: PlanRequest,
  settings: Values,
): Resolution {
  if (isTooLarge) return tooLarge
  return mountsAny(container, watched) ? resolveReload(container, spec, settings) : nothingMounted
}

export const mountsAny = (
  { volumeMounts = [] }: V1Container,
  volumes: ReadonlyMap<string, V1Volume>,
): boolean => volumeMounts.some(({ name }) => volumes.has(name))

/** Why a subPath mount is not updated that the container's reload does not serve, as the end of a sentence. */
const keptReasons: Record<Way, string> = {
  rollout: 'its changes roll out',
  ignore: 'its changes have no effect',
  none: 'the program watches it, and the agent would reload the program for it',
  reload: 'its changes roll out',
}

/** Without an agent, only a program that watches its files takes a change in place. */
function fits(reload: Reload, { allowsAgent }: KeptMounts): boolean {
  const { agent, changesContainer } = methodOf(reload)
  return allowsAgent ? !changesContainer : agent === 'optional'
}

/** The watched volumes whose files the kubelet, or the agent, updates in the container. */
function updatedVolumes(
  container: V1Container,
  subPaths: readonly SubPathMount[],
  watched: ReadonlyMap<string, V1Volume>,
  isServed: (mount: V1VolumeMount) => boolean,
): V1Volume[] {
  const rewritten = new Set(
    subPaths.filter(({ mode }) => mode !== 'keep').map(({ mount }) => mount.mountPath),
  )
  const updated = new Set(
    (container.volumeMounts ?? [])
      .filter(isServed)
      .filter(({ subPath, subPathExpr, mountPath }) => !(subPath || subPathExpr) || rewritten.has(mountPath))
      .map(({ name }) => name),
  )
  return [...watched.values()].filter(({ name }) => updated.has(name))
}

function subPathNotes({
  container: { name },
  settings,
  reload,
  ways,
  subPaths,
}: {
  container: V1Container
  settings: Values
  reload: Reload
  ways: MountWays
  subPaths: readonly SubPathMount[]
}): Note[] {
  const mounts = subPaths.filter(({ mode }) => mode === 'keep')
  const isWanted = ({ mount }: SubPathMount) =>
    isInPlace(ways.get(mount.mountPath)) && settings.subpath !== 'keep'
  const kept = mounts.slice(0, NOTES).map((one) => ({
    text: `container ${name}: subPath mount ${one.mountPath} is not updated in place: ${one.reason}`,
    warn: isWanted(one),
  }))
  const others = mounts.length - NOTES
  if (others > 0)
    kept.push({
      text: `container ${name}: ${others} more subPath mounts are not updated in place`,
      warn: mounts.slice(NOTES).some(isWanted),
    })
  const isReadHalfWritten =
    methodOf(reload).agent === 'optional' && subPaths.some(({ mode }) => mode === 'copy')
  if (!isReadHalfWritten) return kept
  const text = `container ${name}: its subPath files are rewritten in place, and it may read one half-written: ${manual('limits')}`
  return [...kept, { text, warn: true }]
}
