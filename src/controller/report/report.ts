/** What the controller reports, behind one interface: metrics, log lines and Events. No report quotes an object's content. */
import type { ApiObject } from '../../workload/pod-template.ts'
import type { Waiting } from '../decide/next-step.ts'

/** The object that an Event is about. */
export type EventSubject = Pick<ApiObject, 'apiVersion' | 'kind'> & {
  namespace: string
  name: string
  uid: string
}

/** Reasons of our Events, as `kubectl describe` shows them. */
export const eventReasons = {
  rolloutStarted: 'RolloutStarted',
  rolledOut: 'RolledOut',
  rolloutStalled: 'RolloutStalled',
  rolloutHeld: 'RolloutHeld',
  immutableReplaced: 'ImmutableReplaced',
  reloaded: 'Reloaded',
  reloadSent: 'ReloadSent',
  restarted: 'Restarted',
  rolloutFailed: 'RolloutFailed',
  checksumReverted: 'ChecksumReverted',
  unreadable: 'SourceNotReadable',
  setAside: 'ObjectSetAside',
  limitExceeded: 'LimitExceeded',
  notShared: 'SourceNotShared',
  notUnderstood: 'AnnotationNotUnderstood',
  notInjected: 'NotInjected',
  reloadRefused: 'ReloadRefused',
  configurationInvalid: 'ConfigurationInvalid',
  configurationHeld: 'ConfigurationHeld',
  configurationReverted: 'ConfigurationReverted',
  configurationUnhealthy: 'ConfigurationUnhealthy',
  gateStuck: 'GateStuck',
  killedByReload: 'KilledByReload',
  reloadUnconfirmed: 'ReloadUnconfirmed',
  keyRemoved: 'KeyRemoved',
  agentUnusable: 'AgentUnusable',
  reloadWaiting: 'ReloadWaiting',
  reloadFailing: 'ReloadFailing',
  policyInvalid: 'PolicyInvalid',
} as const
export type EventReason = (typeof eventReasons)[keyof typeof eventReasons]

/**
 * An agent's states in which a change is not loaded, as far as is known. In the last two the agent tries again by itself, so they are a problem
 * only if they last. The values are labels of a metric.
 */
export const problemStates = [
  'refused',
  'invalid',
  'held',
  'unproved',
  'reverted',
  'unhealthy',
  'killed',
  'unconfirmed',
  'removed',
  'error',
  'waiting',
  'retrying',
] as const
export type ProblemState = (typeof problemStates)[number]

export interface Report {
  event(subject: EventSubject, type: 'Normal' | 'Warning', reason: EventReason, message: string): void
  rollout(outcome: 'done' | 'failed', kind: string): void
  /** What a workload's rollout waits for now; undefined: nothing. */
  waiting(key: string, reason: Waiting | undefined): void
  unreadable(why: 'forbidden' | 'unavailable', kind: string): void
  nudge(outcome: 'done' | 'failed', pods: number): void
  /** How many of a workload's Pods run without the agent. */
  uninjected(key: string, pods: number): void
  /** Agents of a workload have a new problem. */
  agentProblem(state: ProblemState): void
  /** How many objects are set aside now. */
  objectsSetAside(count: number): void
  leads(leads: boolean): void
  sizes(workloads: number, sources: number): void
  log(level: 'debug' | 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>): void
}
