/** What the controller remembers of each workload between two reconciles. It is in memory only: a new leader starts without it. */
import type { Clock } from '../async/clock.ts'
import type { PendingChange } from './decide/pending-change.ts'
import type { AgentProblemState } from './pods/agent-problems.ts'
import type { NudgeState } from './pods/nudge.ts'
import { type CheckState, noChecksDue } from './pods/pod-checks.ts'
import { noChanges } from './pods/reload-events.ts'
import { noKnownGates } from './pods/stuck-gates.ts'
import type { EvictionState } from './pods/uninjected.ts'
import { createRevertGuard, type RevertGuard } from './rollout/revert-guard.ts'
import type { RolloutEventState } from './rollout/rollout-events.ts'

export interface WorkloadState
  extends NudgeState,
    CheckState,
    AgentProblemState,
    EvictionState,
    RolloutEventState {
  pendingChange: PendingChange | undefined
  reverts: RevertGuard
  /** Rollouts, one after the other, that began while the one before was in progress. */
  overtakes: number
}

/** Shared, since most workloads never have any. */
const noProblems: ReadonlySet<string> = new Set()

export interface WorkloadStates {
  /** The workload's record, a new one where it has none. The caller makes sure that the workload exists. */
  of(key: string): WorkloadState
  /** This replica leads no longer: if it leads again, it starts as any other. */
  stoppedLeading(): void
  /** The workload is gone, or is another one of the same name. */
  forget(key: string): void
}

export function createWorkloadStates(clock: Pick<Clock, 'now'>): WorkloadStates {
  const states = new Map<string, WorkloadState>()
  const create = (): WorkloadState => ({
    pendingChange: undefined,
    reverts: createRevertGuard(clock),
    overtakes: 0,
    rollingOut: undefined,
    dueNudge: undefined,
    reportedProblems: noProblems,
    unreported: noChanges,
    reloadReportedAt: undefined,
    changedAt: undefined,
    checksDue: noChecksDue,
    knownGates: noKnownGates,
    isGateInDoubt: false,
    gateVerdict: undefined,
    waitsForGate: false,
    firstEvictionAt: undefined,
  })
  return {
    of(key) {
      const state = states.get(key) ?? create()
      states.set(key, state)
      return state
    },
    stoppedLeading: () => states.clear(),
    forget: (key) => states.delete(key),
  }
}
