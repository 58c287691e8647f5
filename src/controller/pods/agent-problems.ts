/**
 * Agents have no rights in the API, so what they could not load is said here, as an Event on the workload: once for each problem of a
 * change, however many Pods have it. Looked for after each change that is told to Pods, and now and then, since some changes come to Pods
 * without us (a Secret that we may not read).
 */
import type { V1Pod } from '@kubernetes/client-node'
import { createQueue } from '../../async/queue.ts'
import { describeError } from '../../errors.ts'
import type { Workloads } from '../cache/workloads.ts'
import type { ControllerOptions } from '../options.ts'
import { type EventReason, eventReasons, type ProblemState, type Report } from '../report/report.ts'
import { type AgentProblem, problemOf } from './agent-report.ts'
import { hasRunningAgents, podsOf, reportsOf } from './workload-pods.ts'

export interface AgentProblems {
  /** Something changed that its agents are to load: what they say from now on is news. */
  changed(key: string): void
  /** Looks at a workload's agents some time soon, and every now and then after that. */
  lookSoon(key: string): void
  forget(key: string): void
  stop(): void
}

/** Milliseconds, each after the one before. A program that ends of a signal does so within 2 s of it; a validator may take longer. */
const AFTER_CHANGE = [5_000, 30_000, 120_000]
const AGAIN_AFTER = 600_000
/** Pods that are replaced have come up by then. */
const SETTLES_WITHIN = 30_000
/** Agents asked at once: each that is out of reach takes a second. */
const ASKED_AT_ONCE = 50

type Options = Pick<ControllerOptions, 'api' | 'clock' | 'askAgent'> & {
  report: Pick<Report, 'event' | 'agentProblem' | 'log'>
  workloads: Pick<Workloads, 'get'>
  leads: () => boolean
}

const reasons: Record<ProblemState, EventReason> = {
  refused: eventReasons.reloadRefused,
  invalid: eventReasons.configurationInvalid,
  killed: eventReasons.killedByReload,
  removed: eventReasons.keyRemoved,
  error: eventReasons.agentUnusable,
}

export function createAgentProblems(options: Options): AgentProblems {
  const { api, clock, report, askAgent, workloads, leads } = options
  /** Workload -> container and code of each problem that was told and still is one. In memory only: who takes over tells it once more. */
  const told = new Map<string, ReadonlySet<string>>()
  /** How many of AFTER_CHANGE are over; not there: all. */
  const looks = new Map<string, number>()
  const queue = createQueue({
    clock,
    concurrency: 4,
    run: lookAt,
    onError: (key, error) =>
      report.log('debug', 'agents not asked', {
        workload: key,
        ...describeError(error),
      }),
  })

  function untilNextLook(key: string): number {
    const done = looks.get(key) ?? AFTER_CHANGE.length
    const next = AFTER_CHANGE[done]
    if (next === undefined) looks.delete(key)
    else looks.set(key, done + 1)
    return next ?? AGAIN_AFTER
  }

  async function lookAt(key: string): Promise<void> {
    queue.add(key, untilNextLook(key))
    const summary = workloads.get(key)?.summary
    if (!summary?.native || summary.native.agents === 0 || !leads()) return
    const pods = (await podsOf(api, summary)).filter(hasRunningAgents)
    const found = new Map<string, Found>()
    for (let from = 0; from < pods.length; from += ASKED_AT_ONCE) {
      const some = pods.slice(from, from + ASKED_AT_ONCE)
      const reports = await Promise.all(some.map((pod) => reportsOf(summary, pod, askAgent)))
      for (const [index, pod] of some.entries())
        for (const problem of (reports[index] ?? []).map(problemOf)) if (problem) add(found, pod, problem)
      // Nobody reaches any of them, as under strict mTLS: minutes for the others, and other workloads wait meanwhile.
      if (from === 0 && reports.flat().every((one) => one === undefined)) return
    }
    const before = told.get(key)
    if (found.size > 0) told.set(key, new Set(found.keys()))
    else told.delete(key)
    for (const [id, one] of found) {
      if (before?.has(id)) continue
      report.agentProblem(one.problem.state)
      report.event(summary, 'Warning', reasons[one.problem.state], sentence(one))
    }
  }

  return {
    changed(key) {
      told.delete(key)
      looks.set(key, 0)
      queue.add(key, untilNextLook(key))
    },
    lookSoon: (key) => queue.add(key, SETTLES_WITHIN),
    forget(key) {
      queue.remove(key)
      told.delete(key)
      looks.delete(key)
    },
    stop: () => queue.stop(),
  }
}

/** The same problem, of one Pod and how many others. */
interface Found {
  problem: AgentProblem
  pod: string
  others: number
}

function add(found: Map<string, Found>, pod: V1Pod, problem: AgentProblem): void {
  const id = `${problem.container} ${problem.code}`
  const same = found.get(id)
  if (same) same.others += 1
  else found.set(id, { problem, pod: pod.metadata?.name ?? '', others: 0 })
}

/** With its time, so that the same mistake in the next edit is another Event. */
function sentence({ problem: { container, message, code, at }, pod, others }: Found): string {
  const where = `Pod ${pod}${others > 0 ? ` (and ${others} more)` : ''}, container ${container}`
  return `${where}, at ${at}: ${message} [${code}]`
}
