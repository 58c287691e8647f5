/**
 * Agents have no rights in the API, so the controller reports for them what they could not load: an Event on the workload, once for each
 * problem of a change, however many Pods have it. When it asks them: pod-checks.ts.
 */
import type { V1Pod } from '@kubernetes/client-node'
import type { Clock } from '../../async/clock.ts'
import { earliest, type Requeue } from '../../async/queue.ts'
import { sourceId } from '../../workload/checksum.ts'
import type { SourceRef } from '../../workload/sources-in-use.ts'
import type { Workload } from '../cache/workloads.ts'
import type { GateVerdict } from '../decide/gate-verdict.ts'
import type { WorkloadSummary } from '../decide/workload-summary.ts'
import { type EventReason, eventReasons, type ProblemState, type Report } from '../report/report.ts'
import {
  type AgentAnswer,
  type AgentProblem,
  type AgentState,
  agentState,
  heldVolumes,
  isOnTrial,
  podState,
  problemOf,
  startedAt,
} from './agent-report.ts'
import type { ConcernedVolume } from './due-volumes.ts'
import { remedyOf } from './problem-remedy.ts'
import { noteChange, type ReloadEventState, reportReloaded, unreportedDue } from './reload-events.ts'
import { startProblems } from './start-problems.ts'
import { type AskedPod, checkGates, type KnownGates } from './stuck-gates.ts'
import { type AskAgent, answersOf, createdAt, hasRunningAgents } from './workload-pods.ts'

export interface AgentProblems {
  /** The workload's agents are about to load a change, so their problems from now on are new. */
  changed(key: string, source: SourceRef, concerned: readonly ConcernedVolume[]): void
  /** Asks the agents of these Pods. Returns in how many milliseconds to ask again; undefined: there is no reason to. */
  check(workload: Workload, pods: readonly V1Pod[]): Promise<Requeue>
}

/** Part of what the controller remembers of a workload. */
export interface AgentProblemState extends ReloadEventState {
  /** Container and code of each problem that was reported and lasts. */
  reportedProblems: ReadonlySet<string>
  /** Gates whose agents have answered. */
  knownGates: KnownGates
  /** Some of them did not answer the last time. */
  isGateInDoubt: boolean
  /** What the gates said last. */
  gateVerdict: GateVerdict | undefined
  /** A rollout waits for them. */
  waitsForGate: boolean
}

/** Milliseconds until agents are asked again that have not decided yet. */
const UNDECIDED = 30_000
/** A kubelet brings a change to a Pod that nobody nudges within 90 s. */
const REFRESHED_WITHIN = 120_000
/** An unreachable agent takes a second each. */
const CONCURRENT_PODS = 50

export interface AgentProblemsOptions {
  clock: Clock
  askAgent: AskAgent
  report: Pick<Report, 'event' | 'agentProblem'>
  isLeading: () => boolean
  stateOf: (key: string) => AgentProblemState
  /** The agents of a workload whose rollout waits for its gates were asked. */
  gatesAsked: (key: string) => void
}

const reasons: Record<ProblemState, EventReason> = {
  refused: eventReasons.reloadRefused,
  invalid: eventReasons.configurationInvalid,
  held: eventReasons.configurationHeld,
  unproved: eventReasons.configurationInvalid,
  reverted: eventReasons.configurationReverted,
  unhealthy: eventReasons.configurationUnhealthy,
  killed: eventReasons.killedByReload,
  unconfirmed: eventReasons.reloadUnconfirmed,
  removed: eventReasons.keyRemoved,
  error: eventReasons.agentUnusable,
  waiting: eventReasons.reloadWaiting,
  retrying: eventReasons.reloadFailing,
}

export function createAgentProblems(options: AgentProblemsOptions): AgentProblems {
  const { clock, report, askAgent, isLeading, stateOf, gatesAsked } = options

  async function check({ key, summary }: Workload, pods: readonly V1Pod[]): Promise<Requeue> {
    const state = stateOf(key)
    const { reportedProblems, unreported } = state
    const found = new Map<string, Found>()
    for (const pod of pods) for (const problem of startProblems(pod)) add(found, pod, problem)
    const running = pods.filter(hasRunningAgents)
    const podStates = await askAgents(summary, running, state, found)
    if (!isLeading()) return undefined
    if (state.waitsForGate) gatesAsked(key)
    for (const [id, one] of found) {
      if (reportedProblems.has(id)) continue
      report.agentProblem(one.problem.state)
      report.event(summary, 'Warning', reasons[one.problem.state], sentence(one))
    }
    // A change may have come while the agents answered: they said nothing of it, and its problems are new.
    if (state.reportedProblems === reportedProblems)
      state.reportedProblems = new Set([...(podStates ? [] : reportedProblems), ...found.keys()])
    const isAnswer = podStates && state.unreported === unreported
    const again = isAnswer ? reportReloaded(report, summary, state, podStates, clock) : undefined
    const isUnsettled = state.isGateInDoubt || state.waitsForGate || podStates?.includes('baking')
    return earliest(again, isUnsettled ? UNDECIDED : undefined)
  }

  /** Adds the agents' problems to `found`, and returns what each Pod has done about the changes that concern it. Undefined where no agent answers. */
  async function askAgents(
    summary: WorkloadSummary,
    pods: readonly V1Pod[],
    of: AgentProblemState,
    found: Map<string, Found>,
  ): Promise<AgentState[] | undefined> {
    const due = unreportedDue(of)
    const at = clock.now()
    const held = new Set<string>()
    let isUndecided = false
    const podStates: AgentState[] = []
    const asked: AskedPod[] = []
    const askPod = (pod: V1Pod) =>
      answersOf(pod, askAgent, (one) => ({
        container: one.container,
        hasAnswered: one.report !== undefined,
        held: heldSources(one, summary),
        // A new leader does not know which change is on trial.
        isOnTrial: due.size === 0 && isOnTrial(one.report),
        problem: problemOf(one, pod, clock.wall()),
        state: agentState(one, due, (at) => hasStartedSince(at, pod, one.container)),
      }))
    for (let from = 0; from < pods.length; from += CONCURRENT_PODS) {
      const some = pods.slice(from, from + CONCURRENT_PODS)
      const agents = await Promise.all(some.map(askPod))
      for (const [index, pod] of some.entries()) {
        const ofPod = agents[index] ?? []
        asked.push({ pod, answered: ofPod.flatMap((one) => (one.hasAnswered ? [one.container] : [])) })
        for (const { problem } of ofPod) if (problem) add(found, pod, problem)
        for (const id of ofPod.flatMap((one) => one.held)) held.add(id)
        const state = podState(ofPod.map((one) => one.state))
        if (state) podStates.push(state)
        isUndecided ||= ofPod.some((one) => one.isOnTrial) || (state !== undefined && undecided.has(state))
      }
      // No agent is reachable, as under strict mTLS: the others would take minutes while other workloads wait.
      if (from === 0 && !agents.flat().some((one) => one.hasAnswered)) {
        reportGates(summary, of, asked)
        return undefined
      }
    }
    reportGates(summary, of, asked)
    of.gateVerdict = { at, held, isUndecided }
    return podStates
  }

  function reportGates(summary: WorkloadSummary, of: AgentProblemState, asked: readonly AskedPod[]): void {
    const { known, stuck, isInDoubt } = checkGates(of.knownGates, asked, clock.now())
    of.knownGates = known
    of.isGateInDoubt = isInDoubt
    const [first, ...others] = stuck
    if (!first) return
    const more = others.length > 0 ? ` (and ${others.length} more)` : ''
    report.event(
      summary,
      'Warning',
      eventReasons.gateStuck,
      `Pod ${first.pod}, container ${first.container}${more}: its agent answers no more, so no edit of a gated volume reaches the program; kubectl rollout restart replaces the Pod`,
    )
  }

  /** A container may start with what its kubelet mounted before the change. Then the kubelet brings the change a little later. */
  function hasStartedSince(at: number, pod: V1Pod, container: string): boolean {
    const started = startedAt(pod, container)
    const isRefreshed = started !== undefined && started > at && clock.wall() - started > REFRESHED_WITHIN
    return createdAt(pod) > at || isRefreshed
  }

  return {
    changed(key, source, concerned) {
      const state = stateOf(key)
      noteChange(state, source, concerned, clock.wall())
      state.reportedProblems = new Set()
    },
    check,
  }
}

/** The states in which a gate may still refuse the change, or take it back. */
const undecided: ReadonlySet<AgentState> = new Set(['pending', 'notStarted', 'baking', 'unknown'])

/** Ids of the sources that an agent's gate holds back. */
function heldSources({ container, report }: AgentAnswer, { native }: WorkloadSummary): string[] {
  const volumes = heldVolumes(report)
  const watched = native?.agents.find((one) => one.container === container)?.watched ?? []
  return volumes.length === 0
    ? []
    : watched.filter(({ volume }) => volumes.includes(volume)).map((one) => sourceId(one))
}

/** The same problem, with one Pod that has it and the number of the others. */
interface Found {
  problem: AgentProblem
  pod: V1Pod
  others: number
}

function add(found: Map<string, Found>, pod: V1Pod, problem: AgentProblem): void {
  const id = `${problem.container} ${problem.code}`
  const same = found.get(id)
  if (same) same.others += 1
  else found.set(id, { problem, pod, others: 0 })
}

/** It holds the time, so that the same mistake in the next edit is another Event. */
function sentence({ problem: { container, message, code, at }, pod, others }: Found): string {
  const where = `Pod ${pod.metadata?.name}${others > 0 ? ` (and ${others} more)` : ''}, container ${container}`
  const remedy = remedyOf(pod, container, code)
  return `${where}, at ${at}: ${message} [${code}]${remedy ? `; ${remedy}` : ''}`
}
