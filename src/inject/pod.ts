/** Makes a Pod (or a template, for `inject`) what the plan says. Pure; the order of the steps is the list at the end. */
import type { V1Container, V1PodSpec, V1Volume } from '@kubernetes/client-node'
import type { ContainerPlan, PodPlan } from '../policy/plan.ts'
import type { PodTemplate } from '../workload/pod-template.ts'
import { isOurContainer } from '../workload/references.ts'
import { AGENT, emptyDir, FIRST_PORT } from './agent-flags.ts'
import { runsInApp, withWay } from './app-container.ts'
import { envVolumes } from './env-volumes.ts'
import { liveVolumes } from './live-volumes.ts'
import { nameFor } from './names.ts'
import {
  type Agent,
  agentContainer,
  agentInAppImage,
  BIN_VOLUME,
  INSTALL,
  type Injection,
  installContainer,
  linkContainer,
  linksInAppImage,
  NO_TOKEN_VOLUME,
  STATE_VOLUME,
} from './sidecar.ts'
import { withStatus } from './status.ts'
import { rewriteSubPaths, separateInitVolumes } from './subpath.ts'

export type { Injection } from './sidecar.ts'

/** A container of ours is there: this Pod was injected before, by us or by hand with `hotreload inject`. */
export const isInjected = ({ spec }: PodTemplate): boolean =>
  (spec?.initContainers ?? []).some(isOurContainer)

/** The injected Pod. What does not change is the same object as before, so that a diff is cheap. */
export function injectPod(
  pod: PodTemplate,
  plan: PodPlan,
  version: string,
  injection: Injection,
): PodTemplate {
  const served = plan.containers.filter(({ agent }) => agent)
  const agents = served.map((one, index): Agent => {
    const live = liveVolumes(one)
    const name = served.length === 1 ? AGENT : nameFor(AGENT, one.container.name)
    return {
      plan: one,
      live,
      env: envVolumes(one),
      rewrite: rewriteSubPaths(one, live),
      name,
      port: FIRST_PORT + index,
    }
  })
  const todo = plan.keepsMounts ? steps.filter((step) => step !== ownInitVolumes) : steps
  const spec = todo.reduce((result, step) => step(result, agents, injection), pod.spec ?? { containers: [] })
  const shared =
    plan.shareProcessNamespace && spec.shareProcessNamespace !== true
      ? { ...spec, shareProcessNamespace: true }
      : spec
  const agentOf = (one: ContainerPlan) => agents.find((agent) => agent.plan === one)?.name
  return withStatus({ ...pod, spec: shared }, plan, version, agentOf)
}

/** One change to a Pod's spec. Pure; targets are read from the agents' plans, never from what an earlier step made. */
type Step = (spec: V1PodSpec, agents: readonly Agent[], injection: Injection) => V1PodSpec

const ownInitVolumes: Step = (spec, agents) =>
  separateInitVolumes(spec, new Set(agents.flatMap(({ live }) => live.map(({ mounted }) => mounted.name))))

const changeTargets: Step = (spec, agents) => ({
  ...spec,
  containers: spec.containers.map((container) => {
    const agent = agents.find(({ plan }) => plan.container === container)
    return agent ? withWay(agent.rewrite?.container ?? container, agent, spec) : container
  }),
})

const addContainers: Step = (spec, agents, injection) => {
  const beside = agents.filter(({ plan }) => plan.reload.method !== 'supervise')
  const first = agents.find(
    ({ plan, rewrite }) =>
      runsInApp(plan) ||
      (beside.some((agent) => agent.plan === plan) && agentInAppImage(plan, spec)) ||
      linksInAppImage(plan, spec, rewrite),
  )
  const added: V1Container[] = [
    ...(first ? [installContainer(first.plan, spec, injection)] : []),
    ...agents.flatMap(({ plan, live, rewrite }) =>
      rewrite ? [linkContainer(plan, spec, live, rewrite, injection)] : [],
    ),
    ...beside.map((agent) => agentContainer(agent, spec, injection)),
  ]
  return { ...spec, initContainers: [...(spec.initContainers ?? []), ...added] }
}

const addVolumes: Step = (spec, agents) => {
  const isInstalled = spec.initContainers?.some(({ name }) => name === INSTALL)
  const present = new Set((spec.volumes ?? []).map(({ name }) => name))
  const added: V1Volume[] = [
    ...(isInstalled ? [emptyDir(BIN_VOLUME)] : []),
    emptyDir(STATE_VOLUME),
    emptyDir(NO_TOKEN_VOLUME),
    ...agents.flatMap(({ live, env, rewrite }) => [
      ...[...live, ...env].map(({ mounted }) => mounted),
      ...(rewrite?.volumes ?? []),
    ]),
  ]
  return { ...spec, volumes: [...(spec.volumes ?? []), ...added.filter(({ name }) => !present.has(name))] }
}

const steps: readonly Step[] = [ownInitVolumes, changeTargets, addContainers, addVolumes]
