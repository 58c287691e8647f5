/** `reload: restart`: the agent ends the program, and the kubelet starts its container again in the same Pod. */
import type { V1Container, V1PodSpec } from '@kubernetes/client-node'
import { UserError } from '../../errors.ts'
import { PREFIX } from '../values/prefix.ts'
import { chosenByUser, type MethodRow } from './method-row.ts'

export interface RestartReload {
  method: 'restart'
  /** Ends the program; absent: SIGTERM. */
  signal?: string
}

/**
 * Why the kubelet does not start a container again whenever it ended, whatever its exit code; undefined: it does. A container's own policy
 * counts before its Pod's, from Kubernetes 1.35 on (KEP-5307).
 */
export function whyNotRestarted(container: V1Container, spec: V1PodSpec): string | undefined {
  if ((container.restartPolicy ?? spec.restartPolicy ?? 'Always') === 'Always') return undefined
  return container.restartPolicy
    ? `restartPolicy of container ${container.name} is ${container.restartPolicy}`
    : `the Pod's restartPolicy is ${spec.restartPolicy}`
}

export const restart: MethodRow<RestartReload> = {
  choose({ container, spec, settings: { signal } }) {
    const obstacle = whyNotRestarted(container, spec)
    if (!obstacle) return chosenByUser({ method: 'restart', ...(signal ? { signal } : {}) })
    // Measured: a Pod with OnFailure became Completed.
    return new UserError(
      'HR_NOT_RESTARTED',
      `${PREFIX}reload: restart, but ${obstacle}`,
      'use reload: rollout',
    )
  },
  agent: 'beside',
  sharesProcesses: true,
  needsKill: true,
  runsInAppImage: false,
  changesContainer: false,
  endsProcess: 'agent',
  flags: ({ signal }) => ['--reload=restart', ...(signal ? [`--signal=${signal}`] : [])],
  describe: ({ signal = 'SIGTERM' }) => `${signal}, and the kubelet starts the container again`,
  label: () => 'restart',
  doc: {
    happens: 'the agent ends the program, and the kubelet starts the container again in the same Pod',
    needs:
      "shared processes; `restartPolicy: Always` of the Pod or the container; the program's user, or root with `KILL`",
    risks:
      'the kubelet waits longer after each restart, so there is one in ten minutes at most. No preStop runs',
    takeWhen: "the program can't reload, but a new Pod is too much: its volumes or its node must stay",
  },
}
