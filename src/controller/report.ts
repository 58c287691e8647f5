/** What the controller tells people: metrics, log lines and Events, behind one interface. Nothing of an object's content is among it. */
import type { ApiObject } from '../workload/pod-template.ts'
import type { Waiting } from './decide/next-step.ts'
import type { ProblemState } from './pods/agent-report.ts'

/** Whom an Event is about. */
export type Involved = Pick<ApiObject, 'apiVersion' | 'kind'> & {
  namespace: string
  name: string
  uid: string
}

/** Reasons of our Events, as `kubectl describe` shows them. */
export const eventReasons = {
  rolledOut: 'RolledOut',
  rolloutFailed: 'RolloutFailed',
  checksumReverted: 'ChecksumReverted',
  unreadable: 'SourceNotReadable',
  notUnderstood: 'AnnotationNotUnderstood',
  notInjected: 'NotInjected',
  reloadRefused: 'ReloadRefused',
  configurationInvalid: 'ConfigurationInvalid',
  killedByReload: 'KilledByReload',
  keyRemoved: 'KeyRemoved',
  agentUnusable: 'AgentUnusable',
} as const
export type EventReason = (typeof eventReasons)[keyof typeof eventReasons]

export interface Report {
  event(about: Involved, type: 'Normal' | 'Warning', reason: EventReason, message: string): void
  rollout(outcome: 'done' | 'failed', kind: string): void
  /** What a workload waits for now; undefined: nothing. */
  waiting(key: string, reason: Waiting | undefined): void
  unreadable(why: 'forbidden' | 'unavailable', kind: string): void
  nudge(outcome: 'done' | 'failed', pods: number): void
  uninjected(key: string, pods: number): void
  /** A workload's agents have a problem that they had not before. */
  agentProblem(state: ProblemState): void
  leads(leads: boolean): void
  sizes(workloads: number, sources: number): void
  log(level: 'debug' | 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>): void
}
