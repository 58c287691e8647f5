/** The status annotation: for each container what was done, what was not done, and why. Its sentences come from the plan. */
import { writtenKey } from '../policy/annotations.ts'
import type { GatePlan } from '../policy/gate.ts'
import type { ReloadStatus } from '../policy/methods/method-row.ts'
import { methodOf } from '../policy/methods/reload-methods.ts'
import type { ContainerPlan, PodPlan } from '../policy/plan.ts'
import { STATUS_LENGTH } from '../policy/values/bounds.ts'
import { sourceId } from '../workload/checksum.ts'
import type { PodTemplate } from '../workload/pod-template.ts'
import type { Agent } from './agent.ts'

export interface ContainerStatus extends ReloadStatus {
  reload: string
  chosenBy: string
  agent?: string
  validate?: readonly string[]
  /** What the gate does where a Pod starts with refused content, the volumes that have one, and the seconds of a trial. */
  gate?: { mode: string; volumes: string[]; bake?: number }
  /** ConfigMaps and Secrets behind variables, whose change restarts the container in place. */
  env?: string[]
  /** The volumes that the agent watches. */
  volumes?: string[]
  /** mountPath -> symlink, copy or keep. */
  subPaths?: Record<string, string>
  notes?: string[]
}

export interface Status {
  version: string
  containers: Record<string, ContainerStatus>
  notes?: string[]
}

export function withStatus(
  pod: PodTemplate,
  { plan, agents, version }: { plan: PodPlan; agents: readonly Agent[]; version: string },
): PodTemplate {
  const agentOf = (name: string) => agents.find((agent) => agent.plan.container.name === name)?.name
  const status: Status = {
    version,
    containers: Object.fromEntries(
      plan.containers.map((one) => [one.container.name, containerStatus(one, agentOf(one.container.name))]),
    ),
    ...(plan.notes.length > 0 ? { notes: plan.notes.map(({ text }) => text) } : {}),
  }
  // A template can't approve anything: only a person who has seen what a Pod holds can.
  const { [writtenKey('approve')]: _, ...annotations } = pod.metadata?.annotations ?? {}
  return {
    ...pod,
    metadata: { ...pod.metadata, annotations: { ...annotations, [writtenKey('status')]: textOf(status) } },
  }
}

function textOf(status: Status): string {
  const text = JSON.stringify(status)
  return text.length > STATUS_LENGTH ? JSON.stringify(shortened(status)) : text
}

/** What the agents of the Pod do, without the lists and sentences: the API server refuses a Pod whose annotations are too long. */
const shortened = ({ version, containers }: Status): Status => ({
  version,
  containers: Object.fromEntries(
    Object.entries(containers).flatMap(([name, { reload, chosenBy, agent, gate }]) =>
      agent ? [[name, { reload, chosenBy, agent, ...(gate && { gate: { ...gate, volumes: [] } }) }]] : [],
    ),
  ),
  notes: ['the whole status is too long for an annotation; `hotreload explain` shows it'],
})

const gateStatus = ({ mode, volumes, trial }: GatePlan) => ({
  mode,
  volumes: [...volumes],
  ...(trial ? { bake: trial.bake } : {}),
})

function containerStatus(
  { reload, chosenBy, validate, gate, env, volumes, subPaths, notes }: ContainerPlan,
  agent: string | undefined,
): ContainerStatus {
  return {
    reload: reload.method,
    chosenBy,
    ...(agent ? { agent } : {}),
    ...methodOf(reload).status?.(reload),
    ...(agent && validate ? { validate } : {}),
    ...(agent && gate ? { gate: gateStatus(gate) } : {}),
    ...(env.length > 0 ? { env: env.map(sourceId) } : {}),
    ...(agent && volumes.length > 0 ? { volumes: volumes.map(({ name }) => name) } : {}),
    ...(subPaths.length > 0
      ? { subPaths: Object.fromEntries(subPaths.map(({ mountPath, mode }) => [mountPath, mode])) }
      : {}),
    ...(notes.length > 0 ? { notes: notes.map(({ text }) => text) } : {}),
  }
}
