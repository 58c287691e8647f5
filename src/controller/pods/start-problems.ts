/** Reads from a Pod's status why an agent does not let the app start: it has ended, so that nothing answers at its port. Pure. */
import type { V1Pod } from '@kubernetes/client-node'
import { writtenKey } from '../../policy/annotations.ts'
import { type AgentProblem, LONGEST_MESSAGE, text } from './agent-report.ts'

/** The agent leaves its sentence and its code as the container's termination message (agent/src/host/commands/link.rs). */
const SENTENCE = /^(.+) \[(HR_[A-Z_]+)\]$/s

/** The agent's containers, and the one that installs its program. */
const ours = /^hotreload-(agent|install)(-|$)/

/** Of the agents that have ended before the app started, also while they try again. */
export function startProblems({ metadata, status }: V1Pod): AgentProblem[] {
  const isInjected = metadata?.annotations?.[writtenKey('status')] !== undefined
  if (!isInjected || metadata.deletionTimestamp !== undefined || status?.phase !== 'Pending') return []
  return (status.initContainerStatuses ?? []).flatMap(({ name, state, lastState }) => {
    const ended = state?.terminated ?? lastState?.terminated
    const [, message, code] = SENTENCE.exec(ended?.message ?? '') ?? []
    if (!ours.test(name) || !ended || code === undefined) return []
    return {
      state: 'error',
      container: text(name, 63),
      code: text(code, 63),
      message: text(message, LONGEST_MESSAGE),
      at: text(String(ended.finishedAt), 30),
    }
  })
}
