/** What hotreload does for a Pod, and what it does not and why. The webhook, the command line and the rollouts act on this one value, which decide.ts makes. */
import type { V1Container, V1PodSpec, V1Volume } from '@kubernetes/client-node'
import type { Source } from '../workload/references.ts'
import type { RolledOut } from './classify-references.ts'
import type { Defaults } from './defaults.ts'
import type { GatePlan } from './gate.ts'
import type { Note } from './methods/method-row.ts'
import { methodOf, type Reload } from './methods/reload-methods.ts'
import type { MountWays } from './mounts/mount-ways.ts'
import type { SubPathMount } from './mounts/subpath-modes.ts'
import type { Policy } from './policy.ts'

/** A ConfigMap or Secret whose values are a container's variables. The agent watches it through a volume of its own. */
export interface EnvSource extends Source {
  /** Sorted; undefined: every key of the object. */
  keys?: readonly string[]
  /** Whether at least one variable can do without the object. */
  optional: boolean
}

export interface ContainerPlan {
  container: V1Container
  reload: Reload
  /** How a change of each mount of a watched volume reaches the program. */
  ways: MountWays
  /** What chose the reload, e.g. `preset nginx`. */
  chosenBy: string
  /** The program exists to reload another one of its Pod. */
  isReloadSidecar: boolean
  /** Volumes that the agent watches. */
  volumes: V1Volume[]
  subPaths: SubPathMount[]
  /** Sources whose change restarts this container in place. Empty when `env` is ignored or rolls out. */
  env: EnvSource[]
  /** argv that must exit 0 before any reload. */
  validate?: readonly string[]
  /** Present: the program sees only what the agent publishes of some volumes. */
  gate?: GatePlan
  /** Seconds that a validator or the command of `exec` may take; undefined: the agent's own default. */
  timeout?: number
  /** Seconds over which the Pods of a workload spread their reloads. */
  stagger: number
  /** The same, for restarts because of variables only, where `stagger` does not spread them; 0: none. */
  restartStagger: number
  /** Whether an agent serves the container: beside it, or with `supervise` inside it. */
  agent: boolean
  notes: Note[]
}

export interface PodPlan {
  /** What the plan was made from. */
  spec: V1PodSpec
  policy: Policy
  defaults: Defaults
  containers: ContainerPlan[]
  /** Whether the containers must see each other's processes. */
  shareProcessNamespace: boolean
  /** Whether all mounts stay as the user wrote them, those of init containers included. */
  keepsMounts: boolean
  /** Whether new Pods replace the Pod when its template changes: not those of a Job, nor a bare Pod. */
  isReplaced: boolean
  /** What no agent serves, because new Pods come for another container. */
  rolledOut: RolledOut
  notes: Note[]
}

/**
 * The containers that hotreload reloads for every watched volume of a reload sidecar, so that the sidecar is superfluous. Empty: it may have
 * more to do, such as to write the program's configuration.
 */
export function replacedReloaders(own: ContainerPlan, { containers }: PodPlan): string[] {
  if (!own.isReloadSidecar) return []
  const needed = new Set(
    (own.container.volumeMounts ?? [])
      .filter(({ mountPath }) => own.ways.has(mountPath))
      .map(({ name }) => name),
  )
  const reloaded = containers
    .filter(({ agent, reload }) => agent && methodOf(reload).agent !== 'optional')
    .map(({ container, volumes }) => ({
      name: container.name,
      shared: volumes.filter(({ name }) => needed.has(name)),
    }))
    .filter(({ shared }) => shared.length > 0)
  const served = new Set(reloaded.flatMap(({ shared }) => shared.map(({ name }) => name)))
  return served.size === needed.size ? reloaded.map(({ name }) => name) : []
}

/** Whether the agent must see the app's processes. */
export const needsSharing = ({ agent, reload, env }: ContainerPlan): boolean =>
  agent && (methodOf(reload).sharesProcesses || env.length > 0)
