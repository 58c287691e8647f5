/** `reload: supervise`: the agent is the container's main process, and starts the program again after a change. */
import { UserError } from '../../errors.ts'
import { PREFIX } from '../values/prefix.ts'
import { chosenByUser, type MethodRow } from './method-row.ts'

export interface SuperviseReload {
  method: 'supervise'
}

export const supervise: MethodRow<SuperviseReload, true> = {
  choose({ container }) {
    if (container.command && container.command.length > 0) return chosenByUser({ method: 'supervise' })
    const problem = `${PREFIX}reload: supervise, but container ${container.name} sets no command`
    return new UserError(
      'HR_NO_ENTRYPOINT',
      problem,
      "write the image's ENTRYPOINT into spec.containers[].command",
    )
  },
  agent: 'parent',
  sharesProcesses: false,
  needsKill: false,
  runsInAppImage: false,
  changesContainer: true,
  endsProcess: 'agent',
  flags: () => ['--reload=supervise'],
  describe: () => 'the agent, its parent, starts the program again',
  label: () => 'supervise',
  doc: {
    happens:
      "the agent is the container's main process; it ends the program and starts it again inside the same container",
    needs: '`command` in the manifest; a program that stays in the foreground',
    risks: 'the container itself changes: another PID 1, another parent process',
    takeWhen: 'restarts come often: the container stays, so the kubelet never waits',
  },
}
