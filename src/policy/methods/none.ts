/** `reload: none`: the program watches its files. */
import { chosenByUser, type MethodRow } from './method-row.ts'

export interface NoReload {
  method: 'none'
}

export const none: MethodRow<NoReload> = {
  choose: () => chosenByUser({ method: 'none' }),
  agent: 'optional',
  sharesProcesses: false,
  needsKill: false,
  runsInAppImage: false,
  changesContainer: false,
  endsProcess: false,
  flags: () => ['--reload=none'],
  describe: () => 'the program watches its files',
  label: () => 'watches by itself',
  doc: {
    happens: 'nothing: the program watches its files',
    needs: 'a program that does so',
    risks: 'the program does not watch, and nobody notices',
    takeWhen: 'the program watches by itself',
  },
}
