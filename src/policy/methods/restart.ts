/** `reload: restart`: the agent ends the program, and the kubelet starts its container again in the same Pod. */
import type { V1PodSpec } from '@kubernetes/client-node'
import { UserError } from '../../errors.ts'
import { PREFIX } from '../values/prefix.ts'
import { chosenByUser, type MethodRow } from './method-row.ts'

export interface RestartReload {
  method: 'restart'
  /** Ends the program; absent: SIGTERM. */
  signal?: string
}

/** Whether the kubelet starts a container again after it ended, whatever its exit code. */
export const isRestarted = (spec: V1PodSpec): boolean => (spec.restartPolicy ?? 'Always') === 'Always'

export const restart: MethodRow<RestartReload> = {
  choose({ spec, settings: { signal } }) {
    if (isRestarted(spec)) return chosenByUser({ method: 'restart', ...(signal ? { signal } : {}) })
    // Measured: a Pod with OnFailure became Completed.
    const problem = `${PREFIX}reload: restart, but the Pod's restartPolicy is ${spec.restartPolicy}`
    return new UserError('HR_NOT_RESTARTED', problem, 'use reload: rollout')
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
    needs: "shared processes; `restartPolicy: Always`; the program's user, or root with `KILL`",
    risks:
      'the kubelet waits longer after each restart, so there is one in ten minutes at most. No preStop runs',
    takeWhen: "the program can't reload, but a new Pod is too much: its volumes or its node must stay",
  },
}
