/** Makes a Pod (or a template, for `inject`) what the plan says. Pure; the order of the steps is the list at the end. */
import type { V1Container, V1PodSpec, V1Volume } from '@kubernetes/client-node'
import type { ContainerPlan, PodPlan } from '../policy/decide.ts'
import type { PodTemplate } from '../workload/pod-template.ts'
import { isOurContainer } from '../workload/references.ts'
import { AGENT, emptyDir, FIRST_PORT, nameFor } from './agent.ts'
import { type LiveVolume, liveVolumes } from './live-volumes.ts'
import {
  agentContainer,
  BIN_VOLUME,
  INSTALL,
  type Injection,
  installContainer,
  linkContainer,
  linksInAppImage,
  NO_TOKEN_VOLUME,
  STATE_VOLUME,
  userUnknown,
} from './sidecar.ts'
import { withStatus } from './status.ts'
import { type Rewrite, rewriteSubPaths, separateInitVolumes } from './subpath.ts'

export type { Injection } from './sidecar.ts'

/** A container of ours is there: this Pod was injected before, by us or by hand with `hotreload inject`. */
export const isInjected = ({ spec }: PodTemplate): boolean =>
  (spec?.initContainers ?? []).some(isOurContainer)

/** One target with all that is added for it. */
interface Part {
  plan: ContainerPlan
  live: LiveVolume[]
  rewrite: Rewrite | undefined
  agent: { name: string; port: number }
}

/** The injected Pod. What does not change is the same object as before, so that a diff is cheap. */
export function injectPod(
  pod: PodTemplate,
  plan: PodPlan,
  version: string,
  injection: Injection,
): PodTemplate {
  const served = plan.containers.filter(({ agent }) => agent)
  const parts = served.map((one, index): Part => {
    const live = liveVolumes(one)
    const name = served.length === 1 ? AGENT : nameFor(AGENT, one.container.name)
    return { plan: one, live, rewrite: rewriteSubPaths(one, live), agent: { name, port: FIRST_PORT + index } }
  })
  const todo = plan.keepsMounts ? steps.filter((step) => step !== ownInitVolumes) : steps
  const spec = todo.reduce((result, step) => step(result, parts, injection), pod.spec ?? { containers: [] })
  const shared =
    plan.shareProcessNamespace && spec.shareProcessNamespace !== true
      ? { ...spec, shareProcessNamespace: true }
      : spec
  const agentOf = (one: ContainerPlan) => parts.find((part) => part.plan === one)?.agent.name
  return withStatus({ ...pod, spec: shared }, plan, version, agentOf)
}

/** One change to a Pod's spec. Pure; `original` targets are read from the parts, never from what an earlier step made. */
type Step = (spec: V1PodSpec, parts: readonly Part[], injection: Injection) => V1PodSpec

const ownInitVolumes: Step = (spec, parts) =>
  separateInitVolumes(spec, new Set(parts.flatMap(({ live }) => live.map(({ mounted }) => mounted.name))))

const reviveSubPathMounts: Step = (spec, parts) => ({
  ...spec,
  containers: spec.containers.map(
    (container) => parts.find(({ plan }) => plan.container === container)?.rewrite?.container ?? container,
  ),
})

const addContainers: Step = (spec, parts, injection) => {
  const first = parts.find(
    ({ plan, rewrite }) => userUnknown(plan, spec) || linksInAppImage(plan, spec, rewrite),
  )
  const added: V1Container[] = [
    ...(first ? [installContainer(first.plan, spec, injection)] : []),
    ...parts.flatMap(({ plan, live, rewrite }) =>
      rewrite ? [linkContainer(plan, spec, live, rewrite, injection)] : [],
    ),
    ...parts.map(({ plan, live, rewrite, agent }) =>
      agentContainer(plan, spec, live, rewrite, injection, agent),
    ),
  ]
  return { ...spec, initContainers: [...(spec.initContainers ?? []), ...added] }
}

const addVolumes: Step = (spec, parts) => {
  const isInstalled = spec.initContainers?.some(({ name }) => name === INSTALL)
  const present = new Set((spec.volumes ?? []).map(({ name }) => name))
  const added: V1Volume[] = [
    ...(isInstalled ? [emptyDir(BIN_VOLUME)] : []),
    emptyDir(STATE_VOLUME),
    emptyDir(NO_TOKEN_VOLUME),
    ...parts.flatMap(({ live, rewrite }) => [
      ...live.map(({ mounted }) => mounted),
      ...(rewrite?.volumes ?? []),
    ]),
  ]
  return { ...spec, volumes: [...(spec.volumes ?? []), ...added.filter(({ name }) => !present.has(name))] }
}

const steps: readonly Step[] = [ownInitVolumes, reviveSubPathMounts, addContainers, addVolumes]
