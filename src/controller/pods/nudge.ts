/**
 * Decides which workloads' Pods to nudge after a ConfigMap or Secret has changed. A nudge is a new value in an annotation of a Pod: it makes
 * the kubelet update the Pod's volumes at once (measured: 0.1 to 0.2 s) instead of within 90 s. Nothing depends on it: without a nudge
 * the same happens later. So nudges are not stored, and end with the process.
 */
import type { Api } from '../../api/api.ts'
import { limitCalls } from '../../api/limit-calls.ts'
import { createQueue, type Requeue } from '../../async/queue.ts'
import { describeError } from '../../errors.ts'
import { sourceId } from '../../workload/checksum.ts'
import { idIn, keysetOf, type SourceRef } from '../../workload/sources-in-use.ts'
import type { Cache } from '../cache/cache.ts'
import type { Sources } from '../cache/sources.ts'
import type { Workloads } from '../cache/workloads.ts'
import type { WorkloadSummary } from '../decide/workload-summary.ts'
import type { Report } from '../report/report.ts'
import { type ConcernedVolume, concernedVolumes, dueSince, joinDue } from './due-volumes.ts'
import { createPodNudger, type PodNudgerOptions, type PodsToNudge } from './pod-nudger.ts'
import { hasRunningAgents, podsOf } from './workload-pods.ts'

export interface Nudges {
  /** Nudges the Pods of those users that load the change in place. Returns their keys, with the agents' volumes that bring it. */
  sourceChanged(
    source: SourceRef,
    users: ReadonlySet<string>,
    changedKeysets: ReadonlySet<string>,
  ): Map<string, ConcernedVolume[]>
  stop(): void
}

/** Part of what the controller remembers of a workload. */
export interface NudgeState {
  /** A nudge that is not sent yet. */
  dueNudge: DueNudge | undefined
}

export type DueNudge = Pick<PodsToNudge, 'due' | 'restarts'>

/** Milliseconds. A second source of the same edit follows within this time. */
const BATCH_WITHIN = 50
/** Of the 16 connections that the controller has: thousands of workloads may use one ConfigMap, and rollouts of others must not wait for them. */
const CALLS_AT_ONCE = 12

export interface NudgesOptions extends Omit<PodNudgerOptions, 'isStopped'> {
  report: Pick<Report, 'nudge' | 'log'>
  cache: Pick<Cache, 'isLabelled'> & {
    workloads: Pick<Workloads, 'get'>
    sources: Pick<Sources, 'state'>
  }
  stateOf: (key: string) => NudgeState
}

export function createNudges(options: NudgesOptions): Nudges {
  const { clock, report, cache, isLeading, stateOf } = options
  /** A call waits for its turn, which may come after the end of leadership. */
  const whileLeading: Api = {
    ...options.api,
    async call(one) {
      if (one.method !== 'GET' && !isLeading()) throw new Error('this replica leads no longer')
      return options.api.call(one)
    },
  }
  const api = limitCalls(whileLeading, CALLS_AT_ONCE)
  let stopped = false
  const nudger = createPodNudger({ ...options, api, isStopped: () => stopped })
  const queue = createQueue({
    clock,
    // A run is minutes of waiting for Pods. The calls in it have limits of their own.
    concurrency: Number.POSITIVE_INFINITY,
    run: nudgeWorkload,
    onError: (key, error) =>
      report.log('warn', 'Pods not nudged; the kubelet updates them within 90 s', {
        workload: key,
        ...describeError(error),
      }),
  })

  async function nudgeWorkload(key: string): Promise<Requeue> {
    const summary = cache.workloads.get(key)?.summary
    if (!summary) return undefined
    const state = stateOf(key)
    const pods = isLeading() ? (await podsOf(api, summary)).filter(hasRunningAgents) : []
    // Only now: after a failed list the nudge is still due.
    const due = state.dueNudge
    state.dueNudge = undefined
    const isSuperseded = () => state.dueNudge !== undefined
    if (due) await nudger.nudge({ pods, summary, isSuperseded, ...due })
    return undefined
  }

  /** A look at what is known: to read the annotations of each of a thousand users again would stop the controller. */
  function loadsInPlace(
    { namespace, native }: WorkloadSummary,
    source: SourceRef,
    changedKeysets: ReadonlySet<string>,
  ): boolean {
    const id = idIn(namespace, source)
    const isUsed = native?.sources.inPlace.some(
      (used) => sourceId(used) === id && changedKeysets.has(keysetOf(used)),
    )
    return (
      isUsed === true &&
      cache.isLabelled(namespace) &&
      !cache.sources.state({ ...source, optional: true }).isPaused
    )
  }

  return {
    sourceChanged(source, users, changedKeysets) {
      const nudged = new Map<string, ConcernedVolume[]>()
      for (const key of users) {
        const summary = cache.workloads.get(key)?.summary
        if (!summary?.native || summary.native.agents.length === 0 || summary.isPaused) continue
        if (!loadsInPlace(summary, source, changedKeysets)) continue
        const state = stateOf(key)
        const concerned = concernedVolumes(summary, source, changedKeysets)
        const restarts = concerned.some((one) => one.restarts !== undefined)
        state.dueNudge = {
          due: joinDue([state.dueNudge?.due ?? new Map(), dueSince(concerned, clock.wall())]),
          restarts: restarts || state.dueNudge?.restarts === true,
        }
        queue.add(key, BATCH_WITHIN)
        nudged.set(key, concerned)
      }
      return nudged
    },
    stop() {
      stopped = true
      queue.stop()
    },
  }
}
