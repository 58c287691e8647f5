/** `reload: probe`: a liveness probe of ours fails once after a change, and otherwise asks what the user's probe asked. */
import type { V1Container } from '@kubernetes/client-node'
import { UserError } from '../../errors.ts'
import { PREFIX } from '../values/prefix.ts'
import { type ForwardedProbe, livenessOf } from './liveness.ts'
import { chosenByUser, type MethodRow } from './method-row.ts'
import { whyNotRestarted } from './restart.ts'

export interface ProbeReload {
  method: 'probe'
  forward: ForwardedProbe
}

const probeProblem = ({ name }: V1Container, reason: string | undefined, remedy: string): UserError =>
  new UserError('HR_PROBE', `${PREFIX}reload: probe can't stand in for container ${name}: ${reason}`, remedy)

export const probe: MethodRow<ProbeReload, true> = {
  choose({ container, spec }) {
    const liveness = livenessOf(container)
    const reason = whyNotRestarted(container, spec)
    if ('forward' in liveness && !reason) return chosenByUser({ method: 'probe', forward: liveness.forward })
    return probeProblem(
      container,
      'reason' in liveness ? liveness.reason : reason,
      'use an httpGet or tcpSocket livenessProbe on its own port, or reload: restart',
    )
  },
  // PID 1 is the sandbox's then, which is older than every change: the probe would restart the container for ever.
  sharingProblem: (container) =>
    probeProblem(container, 'the Pod shares its processes', 'use reload: restart, or share no processes'),
  agent: 'beside',
  sharesProcesses: false,
  needsKill: false,
  runsInAppImage: false,
  changesContainer: true,
  endsProcess: 'kubelet',
  flags: () => ['--reload=probe'],
  describe: () => 'its liveness probe fails once, and the kubelet starts the container again',
  label: () => 'probe',
  doc: {
    happens:
      "the container's liveness probe fails for the change, and the kubelet starts the container again",
    needs:
      "`restartPolicy: Always` of the Pod or the container; an httpGet or tcpSocket liveness probe at the container's own port, or none; processes that are not shared",
    risks: 'it is as slow as the probe, 30 s by default',
    takeWhen: "a restart, where processes can't be shared",
  },
}
