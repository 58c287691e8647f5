/** What the ways `probe` and `supervise` change in the app's own container: there our program runs in it. */
import type { V1Container, V1PodSpec, V1Probe, V1VolumeMount } from '@kubernetes/client-node'
import type { Forward } from '../policy/liveness.ts'
import type { ContainerPlan } from '../policy/plan.ts'
import { AGENT, paths, probeArgs } from './agent-flags.ts'
import { type Agent, agentArgs, agentMounts, binMount, STATE_VOLUME } from './sidecar.ts'

/** Whether our program runs in the app's container, and must be installed for it. */
export const runsInApp = ({ reload }: ContainerPlan): boolean =>
  reload.method === 'probe' || reload.method === 'supervise'

/** A target's container with what its way needs in it; the same one for all other ways. */
export function withWay(container: V1Container, agent: Agent, spec: V1PodSpec): V1Container {
  const { reload } = agent.plan
  if (reload.method === 'probe') return probed(container, reload.forward)
  return reload.method === 'supervise' ? supervised(container, agent, spec) : container
}

const program = `${paths.bin}/${AGENT}`

const none: V1Probe = {}

/** The times and thresholds stay the user's; where there was no probe, Kubernetes' defaults hold. */
function probed(container: V1Container, forward: Forward): V1Container {
  const { httpGet: _, tcpSocket: __, ...kept } = container.livenessProbe ?? none
  const command = [program, ...probeArgs(container.name, forward, kept.timeoutSeconds ?? 1)]
  const state = { name: STATE_VOLUME, mountPath: paths.state, readOnly: true }
  return withMounts({ ...container, livenessProbe: { ...kept, exec: { command } } }, [
    ...binMount(true),
    state,
  ])
}

function supervised(container: V1Container, agent: Agent, spec: V1PodSpec): V1Container {
  const { command = [], args = [] } = container
  const own = ['supervise', ...agentArgs(agent, spec), '--', ...command, ...args]
  return withMounts({ ...container, command: [program], args: own }, [
    ...binMount(true),
    ...agentMounts(agent),
  ])
}

/** With these mounts, where the container has not its own at the same place. */
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
