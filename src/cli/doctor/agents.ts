/** Finds what agents report, and Pods that do not start, among those that are injected. Pure. */
import { type AgentStatus, missing } from '../status/agents.ts'
import { count, type Finding, few } from './finding.ts'

const check = 'agents'

/** @param rows those of `hotreload status` */
export function checkAgents(rows: readonly AgentStatus[]): Finding[] {
  // A missing agent is a finding of the check `pods`.
  const failed = rows.filter((row) => row.failed && !missing.has(row.state))
  const waiting = rows.filter(({ state }) => state === 'waiting')
  const unasked = rows.filter(({ state }) => state === 'unreachable')
  const findings = [
    ...grouped(failed, 'problem'),
    ...grouped(waiting, 'warning'),
    ...(unasked.length > 0
      ? [
          {
            check,
            result: 'unknown',
            text: `${count(unasked.length, 'agent')} not asked (${few(names(unasked))}): ${unasked[0]?.note}`,
          } as const,
        ]
      : []),
  ]
  return findings.length > 0
    ? findings
    : [
        {
          check,
          result: 'ok',
          text: `${count(rows.length, 'row')} of hotreload status, none of which failed`,
        },
      ]
}

/** One finding for the Pods of a namespace that say the same. */
function grouped(rows: readonly AgentStatus[], result: Finding['result']): Finding[] {
  const alike = Map.groupBy(rows, ({ namespace, state, note }) => JSON.stringify([namespace, state, note]))
  return [...alike.values()].flatMap((ones) => {
    const [first] = ones
    if (!first) return []
    const { namespace, state, note, container, pod } = first
    const look =
      container === undefined
        ? `kubectl describe pod -n ${namespace} ${pod}`
        : `kubectl logs -n ${namespace} ${pod} --all-containers`
    const remedy = first.remedy ?? look
    return {
      check,
      result,
      namespace,
      text: `${count(ones.length, 'Pod')} in namespace ${namespace} (${few(names(ones))}): ${[state, note].filter(Boolean).join(': ')}; ${remedy}`,
      ...(remedy.startsWith('kubectl ') ? { command: remedy } : {}),
    }
  })
}

const names = (rows: readonly AgentStatus[]): string[] => [...new Set(rows.map(({ pod }) => pod))]
