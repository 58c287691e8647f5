/**
 * The controller's metrics. As in metrics.ts, label values come from closed sets, so callers pass constants, never the name of a workload
 * or source. A `key` only finds the workload's last value; it is no label.
 */
import { Counter, Gauge, type Registry } from 'prom-client'

/** The label values of each counter that has no table elsewhere. */
const values = {
  rollout: ['done', 'failed'],
  nudge: ['done', 'failed'],
  alert: ['sent', 'failed'],
  event: ['written', 'failed'],
  unreadable: ['forbidden', 'unavailable'],
} as const
type Value<T extends keyof typeof values> = (typeof values)[T][number]

/** The label values that are known to the controller only; each series starts at 0, as in metrics.ts. */
export interface ControllerLabels {
  kinds: readonly string[]
  waitReasons: readonly string[]
  problemStates: readonly string[]
}

export interface ControllerMetrics {
  rollout(outcome: Value<'rollout'>, kind: string): void
  waiting(key: string, reason: string | undefined): void
  unreadable(why: Value<'unreadable'>): void
  nudge(outcome: Value<'nudge'>, pods: number): void
  uninjected(key: string, pods: number): void
  agentProblem(state: string): void
  alert(outcome: Value<'alert'>): void
  event(outcome: Value<'event'>): void
  objectsSetAside(count: number): void
  leads(leads: boolean): void
  sizes(workloads: number, sources: number): void
}

export function createControllerMetrics(registry: Registry, known: ControllerLabels): ControllerMetrics {
  const registers = [registry]
  const counter = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Counter({ name: `hotreload_${name}`, help, labelNames, registers })
  const gauge = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Gauge({ name: `hotreload_${name}`, help, labelNames, registers })

  const rollouts = counter(
    'rollouts_total',
    'Rollouts that the controller started, by outcome and kind of workload.',
    'outcome',
    'kind',
  )
  const waits = gauge('rollouts_waiting', 'Workloads whose rollout waits, by reason.', 'reason')
  const unread = counter(
    'source_unreadable_total',
    'Reconciles in which a ConfigMap or Secret could not be read.',
    'why',
  )
  const nudges = counter(
    'nudges_total',
    'Pods annotated so that the kubelet refreshes their volumes at once, by outcome.',
    'outcome',
  )
  const without = gauge('uninjected_pods', 'Running Pods that request the agent and have none.')
  const problems = counter(
    'agent_problems_total',
    'Problems that agents of a workload reported, by state of the agent.',
    'state',
  )
  const alerts = counter('alerts_total', 'Messages to alert sinks, by outcome.', 'outcome')
  const events = counter('events_total', 'Events on workloads, by outcome.', 'outcome')
  const setAside = gauge(
    'objects_set_aside',
    'Workloads that took too long to process, or failed, and are skipped.',
  )
  const leader = gauge('leader', '1 on the replica that leads, 0 on the others.')
  const workloadCount = gauge('watched_workloads', 'Workloads that request reloads or rollouts.')
  const sourceCount = gauge('watched_sources', 'ConfigMaps and Secrets that the watched workloads use.')
  const waitingFor = new Map<string, string>()
  const withoutAgent = new Map<string, number>()
  for (const outcome of values.rollout) for (const kind of known.kinds) rollouts.inc({ outcome, kind }, 0)
  for (const outcome of values.nudge) nudges.inc({ outcome }, 0)
  for (const reason of known.waitReasons) waits.set({ reason }, 0)
  for (const why of values.unreadable) unread.inc({ why }, 0)
  for (const state of known.problemStates) problems.inc({ state }, 0)
  for (const outcome of values.alert) alerts.inc({ outcome }, 0)
  for (const outcome of values.event) events.inc({ outcome }, 0)
  leader.set(0)

  return {
    rollout: (outcome, kind) => rollouts.inc({ outcome, kind }),
    waiting(key, reason) {
      const before = waitingFor.get(key)
      if (before === reason) return
      if (before !== undefined) waits.dec({ reason: before })
      if (reason === undefined) waitingFor.delete(key)
      else {
        waitingFor.set(key, reason)
        waits.inc({ reason })
      }
    },
    unreadable: (why) => unread.inc({ why }),
    nudge: (outcome, pods) => nudges.inc({ outcome }, pods),
    uninjected(key, pods) {
      without.inc(pods - (withoutAgent.get(key) ?? 0))
      if (pods > 0) withoutAgent.set(key, pods)
      else withoutAgent.delete(key)
    },
    agentProblem: (state) => problems.inc({ state }),
    alert: (outcome) => alerts.inc({ outcome }),
    event: (outcome) => events.inc({ outcome }),
    objectsSetAside: (count) => setAside.set(count),
    leads: (leads) => leader.set(leads ? 1 : 0),
    sizes(workloads, sources) {
      workloadCount.set(workloads)
      sourceCount.set(sources)
    },
  }
}
