/** What is to be done for a Pod, and what is not and why: the one value that webhook, command line and rollouts act on. Made by decide.ts. */
import type { V1Container, V1PodSpec, V1Volume } from '@kubernetes/client-node'
import type { Source } from '../workload/references.ts'
import type { Defaults } from './defaults.ts'
import type { Policy } from './policy.ts'
import type { Reload } from './presets.ts'
import type { SubPathMount } from './subpath-modes.ts'

/** Something the user should know, beginning with the object it is about. */
export interface Note {
  text: string
  /** Worth a line at `kubectl apply`; else only in the status annotation. */
  warn: boolean
}

/** A ConfigMap or Secret whose values are a container's variables; watched through a volume of the agent's own. */
export interface EnvSource extends Source {
  /** Sorted; undefined: every key of the object. */
  keys?: readonly string[]
  /** Where any reference is. */
  optional: boolean
}

export interface ContainerPlan {
  container: V1Container
  reload: Reload
  /** What chose the way, e.g. `preset nginx`. */
  chosenBy: string
  /** Volumes whose swaps the agent watches. */
  volumes: V1Volume[]
  subPaths: SubPathMount[]
  /** What the container is restarted for, in place; empty: its variables are nobody's wish, or roll out. */
  env: EnvSource[]
  /** argv that must exit 0 before any reload. */
  validate?: readonly string[]
  /** Seconds that the validator, or a command to reload, may take; undefined: the agent's own default. */
  timeout?: number
  /** Seconds over which the Pods of a workload spread their reloads. */
  stagger: number
  /** The same for only those restarts that bring in variables, where `stagger` does not spread them; 0: none. */
  restartStagger: number
  /** Whether an agent serves it: beside it, or with `supervise` in it. */
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
  notes: Note[]
}

/** Whether the agent must see the app's processes. */
export const needsSharing = ({ agent, reload, env }: ContainerPlan): boolean =>
  agent &&
  (reload.method === 'signal' || reload.method === 'restart' || reload.method === 'exec' || env.length > 0)
