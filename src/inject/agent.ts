/** The agents of a Pod: one for each container that its plan serves. */
import type { V1PodSpec } from '@kubernetes/client-node'
import { methodOf } from '../policy/methods/reload-methods.ts'
import type { ContainerPlan, PodPlan } from '../policy/plan.ts'
import { runAsUser } from '../workload/run-as-user.ts'
import { AGENT, FIRST_PORT } from './agent-flags.ts'
import { envVolumes } from './env-volumes.ts'
import { withGates } from './gate.ts'
import { nameFor } from './names.ts'
import { type Rewrite, rewriteSubPaths } from './subpath.ts'
import { type WatchedVolume, watchedVolumes } from './watched-volumes.ts'

export interface Agent {
  /** The plan of the container that it serves. */
  plan: ContainerPlan
  name: string
  port: number
  watched: readonly WatchedVolume[]
  env: readonly WatchedVolume[]
  rewrite: Rewrite | undefined
}

export function planAgents({ containers }: PodPlan): Agent[] {
  const served = containers.filter(({ agent }) => agent)
  const gates = new Map<string, string>()
  return served.map((plan, index) => {
    const watched = withGates(plan, watchedVolumes(plan), gates)
    return {
      plan,
      name: served.length === 1 ? AGENT : nameFor(AGENT, plan.container.name),
      port: FIRST_PORT + index,
      watched,
      env: envVolumes(plan),
      rewrite: rewriteSubPaths(plan, watched),
    }
  })
}

/** Whether it is a container of its own, not the main process of the app's container. */
export const isBeside = ({ plan }: Agent): boolean => methodOf(plan.reload).agent !== 'parent'

/** A validator or a command needs the app's own programs, files and variables. */
export const runsCommands = ({ validate, reload }: ContainerPlan): boolean =>
  validate !== undefined || methodOf(reload).runsInAppImage

/** Only the app's image knows the user, so that a container of ours has the same user in that image only. */
const isUserUnknown = ({ container }: ContainerPlan, spec: V1PodSpec): boolean =>
  runAsUser(container, spec) === undefined

/**
 * What prepares the files behind rewritten subPath mounts, before the app starts. `agent`: the agent at its first start, while its hook holds
 * back the app; an init container costs each Pod another second. `initContainer`: where no agent runs beside the app, or the agent has the
 * app's mounts, these files included.
 */
export const linksIn = (agent: Agent): 'agent' | 'initContainer' | undefined => {
  if (!agent.rewrite) return undefined
  return isBeside(agent) && !runsCommands(agent.plan) ? 'agent' : 'initContainer'
}

/** Whether what prepares files runs in the app's image: only there it can copy a directory of that image. */
export const linksInAppImage = ({ plan, rewrite }: Agent, spec: V1PodSpec): boolean =>
  rewrite !== undefined && (rewrite.parents.length > 0 || isUserUnknown(plan, spec))

/** Whether the agent's container runs in the app's image. */
export const watchesInAppImage = (agent: Agent, spec: V1PodSpec): boolean =>
  isUserUnknown(agent.plan, spec) ||
  runsCommands(agent.plan) ||
  (linksIn(agent) === 'agent' && linksInAppImage(agent, spec))

/** Whether some container with the app's image runs the agent's program, which must be installed there first. */
export const needsInstall = (agent: Agent, spec: V1PodSpec): boolean =>
  methodOf(agent.plan.reload).changesContainer ||
  (isBeside(agent) && watchesInAppImage(agent, spec)) ||
  linksInAppImage(agent, spec)
