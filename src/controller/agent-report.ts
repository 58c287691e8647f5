/** What an agent says at http://POD-IP:9467/status (docs/agent.md), as far as the controller asks. Pure. */
import { isObject } from '../workload/pod-template.ts'

/**
 * `unmoved`: what is loaded is of before, and nothing is under way. `unknown`: nobody answers, as under strict mTLS, or what answers is no
 * agent.
 */
export type AgentState = 'loaded' | 'pending' | 'unmoved' | 'refused' | 'unknown'

/** Clocks of nodes differ by some; a reload of this change is not older than that. Milliseconds. */
const SKEW = 2_000
const FAILED = new Set(['refused', 'invalid', 'killed', 'removed'])

/** Whether what changed at `since` (milliseconds since 1970) is in the process. */
export function agentState(report: unknown, since: number): AgentState {
  if (!isObject(report) || typeof report['state'] !== 'string') return 'unknown'
  if (FAILED.has(report['state'])) return 'refused'
  const volumes = Array.isArray(report['volumes']) ? report['volumes'].filter(isObject) : []
  const loadedAt = Math.max(0, ...volumes.map(({ loadedAt: at }) => Date.parse(String(at)) || 0))
  if (report['state'] !== 'loaded') return 'pending'
  return loadedAt >= since - SKEW ? 'loaded' : 'unmoved'
}

/** Of several agents of one Pod: what is wrong or under way counts before what is done, and who does not use the changed source, not at all. */
export function together(states: readonly AgentState[]): AgentState {
  const order: AgentState[] = ['refused', 'pending', 'unknown', 'loaded', 'unmoved']
  return order.find((state) => states.includes(state)) ?? 'unknown'
}
