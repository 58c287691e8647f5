/** Reads what the controller needs of an agent's report at http://POD-IP:9467/status (docs/agent.md). Pure. */
import type { V1Pod } from '@kubernetes/client-node'
import { withoutQueries } from '../../policy/values/url.ts'
import { isObject, property } from '../../workload/json-object.ts'
import { type ProblemState, problemStates } from '../report/report.ts'
import type { DueVolumes } from './due-volumes.ts'

/**
 * `loaded`: the process has the change. `started`: it has the change because it started later. `sent`: the agent has done what it can, and
 * nothing more can be known. `baking`: the process has the change, which is on trial. `notStarted`: the process has the state from before the change, and no reload is in progress. `unknown`: nothing
 * answers, as under strict mTLS, or what answers is no agent.
 */
export type AgentState =
  | 'loaded'
  | 'started'
  | 'sent'
  | 'baking'
  | 'pending'
  | 'notStarted'
  | 'refused'
  | 'unknown'

/** What answered for the agent of a container; undefined: nothing. */
export interface AgentAnswer {
  container: string
  report: unknown
}

/**
 * Whether a report is of this Pod. Pods with hostNetwork share the ports of their node, and an address may soon be another Pod's. Without a
 * UID it counts by its address alone, unless the Pod shares that: older agents name none, and neither do those on gVisor and Kata.
 */
export function isReportOf(report: unknown, { metadata, spec }: Pick<V1Pod, 'metadata' | 'spec'>): boolean {
  const uid = isObject(report) ? report['podUid'] : undefined
  return typeof uid === 'string' ? uid === metadata?.uid : spec?.hostNetwork !== true
}

/** States in which the agent tries again by itself. */
const retriedStates: ReadonlySet<string> = new Set(['waiting', 'retrying'] satisfies ProblemState[])

/** Milliseconds after which such a state is a problem: most programs start within them. */
const LASTS = 120_000

/** The state of a report, if a person must look at it. @param now milliseconds since 1970 */
export function problemState(
  { container, report }: AgentAnswer,
  pod: Pick<V1Pod, 'status'>,
  now: number,
): ProblemState | undefined {
  if (!isObject(report)) return undefined
  const state = problemStates.find((one) => one === report['state'])
  if (state === undefined || !retriedStates.has(state)) return state
  // Of a container that does not run the kubelet says more. One that has just started may not have its program yet.
  const since = [Date.parse(String(property(report['error'], 'at'))), startedAt(pod, container) ?? NaN]
  return now - Math.max(...since) >= LASTS ? state : undefined
}

/** Milliseconds since 1970; undefined where the container does not run. */
export function startedAt({ status }: Pick<V1Pod, 'status'>, container: string): number | undefined {
  const found = status?.containerStatuses?.find(({ name }) => name === container)
  return Date.parse(String(found?.state?.running?.startedAt)) || undefined
}

/** Milliseconds by which nodes' clocks may differ: a reload that seems this much older than the change may still be its reload. */
export const SKEW = 2_000

/** The agent's states in which a change was sent, and the program can't confirm it. */
const sentStates: ReadonlySet<string> = new Set(['signalled', 'recorded', 'refreshed'])

/**
 * What the agent has done about the changes; undefined where they do not concern it.
 * @param hasStartedSince whether the program has read what was there at that time, because it started later
 */
export function agentState(
  { container, report }: AgentAnswer,
  due: DueVolumes,
  hasStartedSince: (at: number) => boolean = () => false,
): AgentState | undefined {
  const dueHere = due.get(container)
  if (!dueHere) return undefined
  if (!isObject(report) || typeof report['state'] !== 'string') return 'unknown'
  // An agent from an earlier template may not watch all of them.
  const watched = volumesOf(report).flatMap(({ name, loadedAt, gate }) => {
    const at = dueHere.get(String(name))
    return at === undefined ? [] : { at, gate, isLoaded: (Date.parse(String(loadedAt)) || 0) >= at - SKEW }
  })
  // What the gate says of other volumes does not concern these. An older agent has one word for all.
  const isThrough = watched.length > 0 && watched.every(({ isLoaded, gate }) => isLoaded && !isOpen(gate))
  const { reloadState } = report
  const state = isThrough && typeof reloadState === 'string' ? reloadState : report['state']
  const isProblem = problemStates.some((one) => one === state) && !retriedStates.has(state)
  // A problem from before the change may end with it.
  const isOld = Date.parse(String(errorOf(report)?.['at'])) < Math.max(...dueHere.values()) - SKEW
  if (isProblem && !isOld) return 'refused'
  const isSent = sentStates.has(state)
  const isBaking = state === 'baking'
  if (!isProblem && !isSent && !isBaking && state !== 'loaded') return 'pending'
  if (watched.length === 0) return undefined
  const behind = watched.filter(({ isLoaded }) => !isLoaded)
  if (behind.some(({ at }) => !hasStartedSince(at))) return 'notStarted'
  if (isProblem) return 'refused'
  if (behind.length === watched.length) return 'started'
  if (isBaking) return 'baking'
  return isSent ? 'sent' : 'loaded'
}

/** One state for the agents of a Pod: problems first, and who has done least. Undefined where the changes concern none of them. */
export function podState(states: readonly (AgentState | undefined)[]): AgentState | undefined {
  const order: AgentState[] = [
    'refused',
    'pending',
    'unknown',
    'notStarted',
    'baking',
    'sent',
    'loaded',
    'started',
  ]
  return order.find((state) => states.includes(state))
}

export interface AgentProblem {
  state: ProblemState
  container: string
  /** From agent/src/errors.rs, e.g. `HR_KILLED`. */
  code: string
  message: string
  /** When, RFC 3339. */
  at: string
}

export const LONGEST_MESSAGE = 500

/** A text of someone else: cut, and without control characters and queries. The copy matters: a slice would keep the whole text in memory. */
export const text = (value: unknown, most: number): string =>
  typeof value === 'string'
    ? Buffer.from(withoutQueries(value.replaceAll(/\p{C}+/gu, ' ').slice(0, most))).toString()
    : ''

/** A first refusal may be of a moment: a name that is not there yet. */
const REFUSALS = 2

/** Whether the gate of a volume has not come to a good end with it. */
const isOpen = (gate: unknown): boolean =>
  property(gate, 'unproved') === true ||
  ['held', 'trial', 'reverted', 'unhealthy'].some((one) => isObject(property(gate, one)))

/** The volumes of which a gate holds content back, or has reverted it. */
export const heldVolumes = (report: unknown): string[] =>
  volumesOf(report).flatMap(({ name, gate }) =>
    isObject(property(gate, 'held')) || isObject(property(gate, 'reverted')) ? [String(name)] : [],
  )

/** Whether the content of a volume is on trial. */
export const isOnTrial = (report: unknown): boolean =>
  volumesOf(report).some(({ gate }) => isObject(property(gate, 'trial')))

const isHeldForGood = (report: unknown): boolean =>
  volumesOf(report).some(({ gate }) => Number(property(property(gate, 'held'), 'refusals')) >= REFUSALS)

function volumesOf(report: unknown): Record<string, unknown>[] {
  const volumes = property(report, 'volumes')
  return (Array.isArray(volumes) ? volumes : []).filter(isObject)
}

/** What is wrong. An agent of a program that is not well has loaded everything, so that it has no error. */
export function errorOf(report: unknown): Record<string, unknown> | undefined {
  const error = property(report, 'error')
  if (isObject(error)) return error
  const unhealthy = volumesOf(report)
    .map(({ gate }) => property(gate, 'unhealthy'))
    .find(isObject)
  return unhealthy && { code: 'HR_UNHEALTHY', message: unhealthy['reason'], at: unhealthy['since'] }
}

/** Undefined: no problem. The texts are cut and cleaned, because any program in the Pod may answer in the agent's place. */
export function problemOf(
  answer: AgentAnswer,
  pod: Pick<V1Pod, 'status'>,
  now: number,
): AgentProblem | undefined {
  const state = problemState(answer, pod, now)
  const error = errorOf(answer.report)
  if (state === undefined || !error) return undefined
  if (state === 'held' && !isHeldForGood(answer.report)) return undefined
  const code = text(error['code'], 63)
  if (!/^HR_[A-Z_]+$/.test(code)) return undefined
  return {
    state,
    container: text(answer.container, 63),
    code,
    message: text(error['message'], LONGEST_MESSAGE),
    at: text(error['at'], 30),
  }
}
