/** `reload: rollout`: new Pods read the change. */
import { chosenByUser, type MethodRow } from './method-row.ts'

export interface RolloutReload {
  method: 'rollout'
}

export const rollout: MethodRow<RolloutReload> = {
  choose: () => chosenByUser({ method: 'rollout' }),
  agent: 'optional',
  sharesProcesses: false,
  needsKill: false,
  runsInAppImage: false,
  changesContainer: false,
  endsProcess: false,
  // The controller rolls out; an agent can only be there for the container's variables.
  flags: () => ['--reload=none'],
  describe: () => 'new Pods',
  label: () => 'rollout',
  doc: {
    happens: 'new Pods, in order, as `kubectl rollout restart` makes them',
    needs: 'a workload whose Pods somebody replaces: no Job, CronJob or bare Pod',
    risks: 'what every rollout brings: connections end, caches start empty',
    takeWhen: 'nothing else fits; it is what hotreload does with a program that it does not know',
  },
}
