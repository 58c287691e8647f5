/** A report of the controller that records everything for tests. */
import type { Waiting } from '../../src/controller/decide/next-step.ts'
import type { ProblemState, Report } from '../../src/controller/report/report.ts'

export interface ReportRecorder {
  report: Report
  events: { kind: string; name: string; reason: string; message: string }[]
  /** Log lines as JSON. */
  lines: string[]
  /** The reason for which each workload's rollout waits now, by key. */
  waiting: Map<string, Waiting>
  /** Pods without the agent, by the workload's key. */
  uninjected: Map<string, number>
  rollouts: { outcome: string; kind: string }[]
  problems: ProblemState[]
  isLeading: () => boolean
}

export function recordReport(): ReportRecorder {
  let isLeading = false
  const recorder: Omit<ReportRecorder, 'report' | 'isLeading'> = {
    events: [],
    lines: [],
    waiting: new Map(),
    uninjected: new Map(),
    rollouts: [],
    problems: [],
  }
  const report: Report = {
    event: ({ kind = '', name }, _type, reason, message) =>
      recorder.events.push({ kind, name, reason, message }),
    rollout: (outcome, kind) => recorder.rollouts.push({ outcome, kind }),
    waiting(key, reason) {
      if (reason === undefined) recorder.waiting.delete(key)
      else recorder.waiting.set(key, reason)
    },
    unreadable() {},
    nudge() {},
    uninjected: (key, pods) => recorder.uninjected.set(key, pods),
    agentProblem: (state) => recorder.problems.push(state),
    leads: (now) => (isLeading = now),
    objectsSetAside() {},
    sizes() {},
    log: (level, message, fields) => recorder.lines.push(JSON.stringify({ level, message, ...fields })),
  }
  return { ...recorder, report, isLeading: () => isLeading }
}
