/** What an agent says at http://POD-IP:9467/status (docs/agent.md), as far as the controller asks. Pure. */
import { isObject } from '../../workload/json-object.ts'
import { type ProblemState, problemStates } from '../report/report.ts'

/**
 * `unmoved`: what is loaded is of before, and nothing is under way. `unknown`: nobody answers, as under strict mTLS, or what answers is no
 * agent.
 */
export type AgentState = 'loaded' | 'pending' | 'unmoved' | 'refused' | 'unknown'

/** Clocks of nodes differ by some; a reload of this change is not older than that. Milliseconds. */
const SKEW = 2_000

/** Whether what changed at `since` (milliseconds since 1970) is in the process. */
export function agentState(report: unknown, since: number): AgentState {
  if (!isObject(report) || typeof report['state'] !== 'string') return 'unknown'
  if (problemStates.some((one) => one === report['state'])) return 'refused'
  const volumes = Array.isArray(report['volumes']) ? report['volumes'].filter(isObject) : []
  const loadedAt = Math.max(0, ...volumes.map(({ loadedAt: at }) => Date.parse(String(at)) || 0))
  if (report['state'] !== 'loaded') return 'pending'
  return loadedAt >= since - SKEW ? 'loaded' : 'unmoved'
}

/** Of several agents of one Pod: what is wrong or under way counts before what is done, and who does not use the changed source, not at all. */
export function podState(states: readonly AgentState[]): AgentState {
  const order: AgentState[] = ['refused', 'pending', 'unknown', 'loaded', 'unmoved']
  return order.find((state) => states.includes(state)) ?? 'unknown'
}

export interface AgentProblem {
  state: ProblemState
  container: string
  /** Of agent/src/errors.rs, e.g. `HR_KILLED`. */
  code: string
  message: string
  /** When, RFC 3339. */
  at: string
}

const LONGEST_MESSAGE = 500

/** Undefined: none. What an agent says is cut and cleaned: in its place anything in the Pod may answer. */
export function problemOf(report: unknown): AgentProblem | undefined {
  if (!isObject(report)) return undefined
  const state = problemStates.find((one) => one === report['state'])
  const { error } = report
  if (state === undefined || !isObject(error)) return undefined
  const text = (value: unknown, most: number): string =>
    typeof value === 'string' ? value.replaceAll(/\p{C}+/gu, ' ').slice(0, most) : ''
  const code = text(error['code'], 63)
  if (!/^HR_[A-Z_]+$/.test(code)) return undefined
  return {
    state,
    container: text(report['container'], 63),
    code,
    message: text(error['message'], LONGEST_MESSAGE),
    at: text(error['at'], 30),
  }
}
