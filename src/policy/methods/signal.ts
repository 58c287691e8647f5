/** `reload: signal`: the agent signals the program. */
import { UserError } from '../../errors.ts'
import { PREFIX } from '../values/prefix.ts'
import type { MethodRow } from './method-row.ts'

/**
 * What proves that the program has taken a change after the signal: new workers of the signalled process, or a metric at the program's own
 * port that is the time of its last successful reload.
 */
export type Proof = 'workers' | { metric: string; url: string }

export interface SignalReload {
  method: 'signal'
  signal: string
  /** Names of commands that handle the signal; empty: the container's main process, because the user says so. */
  processes: readonly string[]
  /** The process must have one of these arguments, or the signal would end it. */
  requireArguments?: readonly string[]
  /** Absent: nothing more than the signal is known. */
  confirm?: Proof
}

const proofFlag = (proof: Proof): string =>
  `--confirm=${proof === 'workers' ? proof : `${proof.metric} ${proof.url}`}`

export const signal: MethodRow<SignalReload> = {
  annotation: 'signal',
  choose({ container, settings: { signal, process, reload }, preset }) {
    const processes = process ? [process] : []
    if (signal) return { reload: { method: 'signal', signal, processes }, chosenBy: `${PREFIX}signal` }
    if (preset)
      return {
        reload: process ? { ...preset.reload, processes } : preset.reload,
        chosenBy: `preset ${preset.name}`,
      }
    const problem =
      process && reload !== 'signal'
        ? `${PREFIX}process: container ${container.name} has no signal to send`
        : `${PREFIX}reload: signal, but container ${container.name} has none`
    return new UserError(
      'HR_NO_SIGNAL',
      problem,
      `set ${PREFIX}signal, e.g. SIGHUP, if the program reloads on it`,
    )
  },
  agent: 'beside',
  sharesProcesses: true,
  needsKill: true,
  runsInAppImage: false,
  changesContainer: false,
  endsProcess: false,
  flags: ({ signal, processes, requireArguments = [], confirm }) => [
    '--reload=signal',
    `--signal=${signal}`,
    ...processes.map((name) => `--process=${name}`),
    ...requireArguments.map((argument) => `--require-argument=${argument}`),
    ...(confirm ? [proofFlag(confirm)] : []),
  ],
  describe: ({ signal, processes }) => `${signal} to ${processes.join(' or ') || 'the main process'}`,
  label: ({ signal }) => signal,
  status: ({ signal }) => ({ signal }),
  doc: {
    happens: "the agent sends `hotreload.dev/signal` to the program's process",
    needs:
      "processes that the Pod's containers share; the program's user, or root with `KILL`; a program that handles the signal",
    risks:
      "many programs end on a signal that they don't expect. The agent refuses where it can see that, and after one such end it never sends that signal again in this Pod",
    takeWhen: 'the manual says "reloads on SIGHUP"',
  },
}
