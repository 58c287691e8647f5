/**
 * Finds Pods that should have the agent and run without it, because the webhook was down when they were created. An Event says so; with
 * `--evict-uninjected` the controller replaces them one at a time through the eviction API, which respects PodDisruptionBudgets.
 */
import type { V1Pod } from '@kubernetes/client-node'
import type { Api } from '../../api/api.ts'
import type { Clock } from '../../async/clock.ts'
import { createQueue, type Requeue } from '../../async/queue.ts'
import { describeError } from '../../errors.ts'
import { writtenKey } from '../../policy/annotations.ts'
import { unsuitable } from '../../policy/decide.ts'
import { restartCommand } from '../../workload/kinds.ts'
import type { Cache } from '../cache/cache.ts'
import type { Workload, Workloads } from '../cache/workloads.ts'
import type { WorkloadSummary } from '../decide/workload-summary.ts'
import { eventReasons, type Report } from '../report/report.ts'
import { createdAt, podPath, podsOf } from './workload-pods.ts'

export interface UninjectedPods {
  /** Checks a workload's Pods once its rollout has settled. */
  checkSoon(key: string): void
  /** Another part has listed the workload's Pods. */
  listed(workload: Workload, pods: readonly V1Pod[]): void
  stop(): void
}

/** Part of what the controller remembers of a workload. */
export interface EvictionState {
  /** Milliseconds since 1970. A Pod that was created later and lacks the agent too shows that evictions don't help. */
  firstEvictionAt: number | undefined
}

/** Milliseconds. */
const SETTLES_WITHIN = 10_000
const NEXT_EVICTION = 20_000

export interface UninjectedPodsOptions {
  api: Api
  clock: Clock
  report: Pick<Report, 'event' | 'uninjected' | 'log'>
  evictUninjected: boolean
  cache: Pick<Cache, 'isLabelled'> & { workloads: Pick<Workloads, 'get'> }
  isLeading: () => boolean
  stateOf: (key: string) => EvictionState
}

export function createUninjectedPods(options: UninjectedPodsOptions): UninjectedPods {
  const { api, clock, report, evictUninjected, cache, isLeading, stateOf } = options
  const queue = createQueue({
    clock,
    concurrency: 2,
    run: check,
    onError: (key, error) =>
      report.log('debug', 'Pods not checked', { workload: key, ...describeError(error) }),
  })

  async function check(key: string): Promise<Requeue> {
    const workload = cache.workloads.get(key)
    if (!workload || !isLeading()) return undefined
    const { summary } = workload
    const missing = mayHaveAgents(summary) ? uninjected(await podsOf(api, summary)) : []
    // The workload, or leadership, may have gone meanwhile, and nobody would set the gauge again.
    if (cache.workloads.get(key)?.summary.uid !== summary.uid || !isLeading()) return undefined
    reportMissing(workload, missing)
    const [first] = missing
    if (!evictUninjected || !first || !isTemplateInjected(summary) || summary.isPaused) return undefined
    const state = stateOf(key)
    const since = state.firstEvictionAt
    if (since !== undefined && missing.some((pod) => createdAt(pod) > since)) return undefined
    if (summary.progress === 'done' && (await evict(key, first))) state.firstEvictionAt ??= clock.wall()
    return NEXT_EVICTION
  }

  function reportMissing({ key, summary }: Workload, missing: readonly V1Pod[]): void {
    report.uninjected(key, missing.length)
    if (missing.length === 0) {
      stateOf(key).firstEvictionAt = undefined
      return
    }
    // Applying the same manifest again does not help: kubectl sends no change, so the webhook is not called.
    const why = isTemplateInjected(summary)
      ? 'changes do not reach them'
      : 'hotreload.dev/inject was set while the webhook was away or the namespace had no label'
    report.event(
      summary,
      'Warning',
      eventReasons.notInjected,
      `Pods that run without the agent: ${missing.length}; ${why}; ${restartCommand(summary.namespace, [summary]) ?? 'delete these Pods'}`,
    )
  }

  const mayHaveAgents = ({ native, namespace }: WorkloadSummary): boolean =>
    (native?.agents ?? []).length > 0 && cache.isLabelled(namespace)

  /** Returns false where a PodDisruptionBudget forbids it now (429), or the Pod is gone. */
  async function evict(key: string, pod: V1Pod): Promise<boolean> {
    const { namespace, name, uid } = pod.metadata ?? {}
    const body = {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name, namespace },
      deleteOptions: { preconditions: { uid } },
    }
    const { status } = await api.call({ method: 'POST', path: `${podPath(pod)}/eviction`, body })
    report.log('info', 'eviction of a Pod without the agent requested', { workload: key, status })
    return status === 201
  }

  return {
    checkSoon: (key) => queue.add(key, SETTLES_WITHIN),
    listed(workload, pods) {
      const missing = mayHaveAgents(workload.summary) ? uninjected(pods) : []
      reportMissing(workload, missing)
      if (missing.length > 0 && evictUninjected) queue.add(workload.key, NEXT_EVICTION)
    },
    stop: () => queue.stop(),
  }
}

const isTemplateInjected = ({ native }: WorkloadSummary): boolean => native?.injected === true

/** Pods that could have the agent and don't, without those that are terminating. */
export const uninjected = (pods: readonly V1Pod[]): V1Pod[] =>
  pods.filter(
    (pod) =>
      pod.metadata?.annotations?.[writtenKey('status')] === undefined &&
      pod.metadata?.deletionTimestamp === undefined &&
      (pod.status?.phase === 'Running' || pod.status?.phase === 'Pending') &&
      unsuitable(pod) === undefined,
  )
