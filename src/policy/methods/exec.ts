/** `reload: exec`: the agent runs a command with the app's own programs and files. */
import { UserError } from '../../errors.ts'
import { PREFIX } from '../values/prefix.ts'
import { unreachableServer } from './control-program.ts'
import type { MethodRow } from './method-row.ts'

export interface ExecReload {
  method: 'exec'
  command: readonly string[]
}

export const exec: MethodRow<ExecReload> = {
  annotation: 'command',
  choose({ container, settings: { command } }) {
    if (command) {
      const text = unreachableServer(container, command)
      return {
        reload: { method: 'exec', command },
        chosenBy: `${PREFIX}command`,
        ...(text ? { note: { text, warn: true } } : {}),
      }
    }
    const problem = `${PREFIX}reload: exec, but container ${container.name} has no command to run`
    return new UserError('HR_NO_COMMAND', problem, `set ${PREFIX}command`)
  },
  agent: 'beside',
  sharesProcesses: true,
  needsKill: false,
  runsInAppImage: true,
  changesContainer: false,
  endsProcess: false,
  flags: ({ command }) => ['--reload=exec', `--command=${JSON.stringify(command)}`],
  describe: ({ command }) => `the agent runs ${command.join(' ')}`,
  label: () => 'exec',
  status: ({ command }) => ({ command }),
  doc: {
    happens: "the agent runs `hotreload.dev/command` in a container of the app's image",
    needs: "processes that the Pod's containers share; the command in the app's image (there is no shell)",
    risks: 'the command fails, or takes more than 30 s: it is tried again',
    takeWhen: 'the program comes with a control program that finds it by a port or by its processes',
  },
}
