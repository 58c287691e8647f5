/** Makes a Pod (or a template, for `inject`) what its plan says. Pure. The list at the end holds every change, in order. */
import type { V1Container, V1PodSpec, V1Volume } from '@kubernetes/client-node'
import type { PodPlan } from '../policy/plan.ts'
import type { PodTemplate } from '../workload/pod-template.ts'
import { type Agent, isBeside, linksIn, needsInstall, planAgents } from './agent.ts'
import { emptyDir } from './agent-flags.ts'
import { changeAppContainer } from './app-container.ts'
import { gateVolumes, publishesFirst } from './gate.ts'
import { withEvictableVolumes } from './local-volumes.ts'
import {
  agentContainer,
  BIN_VOLUME,
  gateContainer,
  INSTALL,
  installContainer,
  linkContainer,
  NO_TOKEN_VOLUME,
  STATE_VOLUME,
} from './sidecar.ts'
import { withStatus } from './status-annotation.ts'
import { separateInitVolumes } from './subpath.ts'

export interface InjectionOptions {
  /** The image of the agent, with its version. */
  agentImage: string
  version: string
}

/** What each step knows. */
interface PodInjection extends InjectionOptions {
  plan: PodPlan
  agents: readonly Agent[]
}

/** The injected Pod. Unchanged parts are the same objects as before, so that a diff is cheap. */
export function injectPod(pod: PodTemplate, plan: PodPlan, options: InjectionOptions): PodTemplate {
  const injection = { ...options, plan, agents: planAgents(plan) }
  return steps.reduce((result, step) => step(result, injection), pod)
}

/** One change to a Pod. Pure. A step finds containers by name, and reads a target's original from its plan. */
type PodStep = (pod: PodTemplate, injection: PodInjection) => PodTemplate

const changeSpec =
  (change: (spec: V1PodSpec, injection: PodInjection) => V1PodSpec): PodStep =>
  (pod, injection) => {
    const spec = pod.spec ?? { containers: [] }
    const changed = change(spec, injection)
    return changed === spec ? pod : { ...pod, spec: changed }
  }

const giveInitContainersOwnVolumes = changeSpec((spec, { plan, agents }) =>
  plan.keepsMounts
    ? spec
    : separateInitVolumes(
        spec,
        new Set(agents.flatMap(({ watched }) => watched.map(({ mounted }) => mounted.name))),
      ),
)

const changeTargets = changeSpec((spec, { agents }) => ({
  ...spec,
  containers: spec.containers.map((container) => {
    const agent = agents.find(({ plan }) => plan.container.name === container.name)
    return agent ? changeAppContainer(container, agent, spec) : container
  }),
}))

const addContainers = changeSpec((spec, { plan: { policy }, agents, agentImage }) => {
  const beside = agents
    .filter(isBeside)
    .map((agent) => ({ agent, container: agentContainer({ agent, spec, policy, agentImage }) }))
  const added: V1Container[] = [
    ...(agents.some((agent) => needsInstall(agent, spec))
      ? [installContainer(spec, policy, agentImage)]
      : []),
    ...agents.flatMap((agent) =>
      agent.rewrite && linksIn(agent) === 'initContainer'
        ? [linkContainer({ agent, rewrite: agent.rewrite, spec, agentImage })]
        : [],
    ),
    ...beside.flatMap(({ agent, container }) =>
      publishesFirst(agent) ? [gateContainer(container, agent, spec)] : [],
    ),
    ...beside.map(({ container }) => container),
  ]
  return { ...spec, initContainers: [...(spec.initContainers ?? []), ...added] }
})

const addVolumes: PodStep = (pod, { agents }) => {
  const spec = pod.spec ?? { containers: [] }
  const isInstalled = spec.initContainers?.some(({ name }) => name === INSTALL)
  const present = new Set((spec.volumes ?? []).map(({ name }) => name))
  const volumes: V1Volume[] = [
    ...(isInstalled ? [emptyDir(BIN_VOLUME)] : []),
    emptyDir(STATE_VOLUME),
    emptyDir(NO_TOKEN_VOLUME),
    ...agents.flatMap(({ watched, env, rewrite }) => [
      ...[...watched, ...env].map(({ mounted }) => mounted),
      ...(rewrite?.volumes ?? []),
    ]),
    ...gateVolumes(agents),
  ]
  const added = volumes.filter(({ name }) => !present.has(name))
  const changed = { ...pod, spec: { ...spec, volumes: [...(spec.volumes ?? []), ...added] } }
  return withEvictableVolumes(changed, added)
}

const shareProcesses = changeSpec((spec, { plan }) =>
  plan.shareProcessNamespace && spec.shareProcessNamespace !== true
    ? { ...spec, shareProcessNamespace: true }
    : spec,
)

const recordStatus: PodStep = (pod, { plan, agents, version }) => withStatus(pod, { plan, agents, version })

const steps: readonly PodStep[] = [
  giveInitContainersOwnVolumes,
  changeTargets,
  addContainers,
  addVolumes,
  shareProcesses,
  recordStatus,
]
