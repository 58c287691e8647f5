/** Changes the app's own container: its subPath mounts, and its liveness probe or command where the reload method runs our program in it. */
import type { V1Container, V1PodSpec, V1Probe, V1VolumeMount } from '@kubernetes/client-node'
import type { ForwardedProbe } from '../policy/methods/liveness.ts'
import type { ContainerMethod, Reload } from '../policy/methods/reload-methods.ts'
import type { Agent } from './agent.ts'
import { AGENT, paths, probeArgs } from './agent-flags.ts'
import { seenByProgram } from './gate.ts'
import { agentArgs, agentMounts, binMount, stateMount } from './sidecar.ts'

export function changeAppContainer(container: V1Container, agent: Agent, spec: V1PodSpec): V1Container {
  const {
    rewrite,
    plan: { reload },
  } = agent
  const mounts = rewrite?.volumeMounts ?? container.volumeMounts
  const rewritten =
    rewrite || agent.plan.gate
      ? { ...container, volumeMounts: seenByProgram(mounts ?? [], agent) }
      : container
  switch (reload.method) {
    case 'probe':
      return withProbe(rewritten, reload.forward)
    case 'supervise':
      return withParent(rewritten, agent, spec)
    default:
      return unchanged(rewritten, reload)
  }
}

/** The type refuses a method that changes the container and has no case above. */
const unchanged = (container: V1Container, _: Exclude<Reload, { method: ContainerMethod }>): V1Container =>
  container

const program = `${paths.bin}/${AGENT}`

const none: V1Probe = {}

/** Keeps the user's times and thresholds; without a probe of the user, Kubernetes' defaults hold. */
function withProbe(container: V1Container, forward: ForwardedProbe): V1Container {
  const { httpGet: _, tcpSocket: __, ...kept } = container.livenessProbe ?? none
  const command = [program, ...probeArgs(container.name, forward, kept.timeoutSeconds ?? 1)]
  const state = { ...stateMount(container.name), readOnly: true }
  return withMounts({ ...container, livenessProbe: { ...kept, exec: { command } } }, [
    ...binMount(true),
    state,
  ])
}

/** Makes the agent the container's main process, which starts the app's command. */
function withParent(container: V1Container, agent: Agent, spec: V1PodSpec): V1Container {
  const { command = [], args = [] } = container
  const own = ['supervise', ...agentArgs(agent, spec), '--', ...command, ...args]
  return withMounts({ ...container, command: [program], args: own }, [
    ...binMount(true),
    ...agentMounts(agent),
  ])
}

/** Adds these mounts, unless the container has its own at the same path. */
const withMounts = (container: V1Container, mounts: readonly V1VolumeMount[]): V1Container => {
  const present = new Set((container.volumeMounts ?? []).map(({ mountPath }) => mountPath))
  return {
    ...container,
    volumeMounts: [
      ...(container.volumeMounts ?? []),
      ...mounts.filter(({ mountPath }) => !present.has(mountPath)),
    ],
  }
}
