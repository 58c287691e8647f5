/**
 * A new value in an annotation of a Pod makes the kubelet look at the Pod's volumes at once instead of within 60 to 80 seconds (measured: 0.1
 * to 0.2 s). Nothing depends on it: without a nudge the same happens later. So a nudge is never stored, and lost with the process.
 */

import type { V1Pod } from '@kubernetes/client-node'
import type { ApiCall } from '../../api/api.ts'
import { mapLimit } from '../../async/map-limit.ts'
import { createQueue } from '../../async/queue.ts'
import { createTokenBucket } from '../../async/token-bucket.ts'
import { describeError } from '../../errors.ts'
import { writtenKey } from '../../policy/annotations.ts'
import { idIn, keysetOf, refId, type SourceRef } from '../../workload/sources-in-use.ts'
import type { Cache } from '../cache/cache.ts'
import type { Sources } from '../cache/sources.ts'
import type { Workloads } from '../cache/workloads.ts'
import type { WorkloadSummary } from '../decide/workload-summary.ts'
import type { ControllerOptions } from '../options.ts'
import type { Report } from '../report/report.ts'
import { type AgentState, agentState, podState } from './agent-report.ts'
import { hasRunningAgents, isReady, podPath, podsOf, reportsOf } from './workload-pods.ts'

export interface Nudges {
  sourceChanged(source: SourceRef, users: ReadonlySet<string>, keysets: ReadonlySet<string>): void
  stop(): void
}

/** Milliseconds for a second source of the same edit. */
const TOGETHER = 50
const PER_SECOND = 50
const BURST = 100
/** The kubelet may have looked a moment before the change was there: once more where the agent has not seen it. */
const AGAIN_AFTER = 2_000
/** A head start for the first Pods, not a gate: the kubelet updates the rest by itself about then. */
const CANARY_WAIT = 60_000
/** A process that restarts, with its stagger, and its Pod that becomes Ready again. */
const RESTART_WAIT = 300_000
/** Pods of one workload that are told, or asked, at once: with thousands of them, those of other workloads would wait for minutes. */
const AT_ONCE = 50
/** Who can't be asked, or does not move, is not waited for longer than this. */
const QUIET_WAIT = 60_000
/** Until the kubelet has noticed that a container ended and says so of the Pod: before that it may still be called Ready. */
const NOTICED_WITHIN = 3_000
const ASK_EVERY = 1_000

interface Due {
  /** Milliseconds since 1970. */
  at: number
  restarts: boolean
}

interface Change extends Pick<Due, 'at'> {
  summary: WorkloadSummary
}

type Options = Pick<ControllerOptions, 'api' | 'clock' | 'askAgent'> & {
  report: Pick<Report, 'nudge' | 'log'>
  view: {
    workloads: Pick<Workloads, 'get'>
    sources: Pick<Sources, 'state'>
    usedSources: Cache['usedSources']
  }
  leads: () => boolean
  /** Something changed that this workload's agents are to load. */
  onChange: (key: string) => void
}

export function createNudges({ api, clock, report, askAgent, view, leads, onChange }: Options): Nudges {
  const rate = createTokenBucket(clock, PER_SECOND, BURST)
  let stopped = false
  const sleep = (milliseconds: number) =>
    new Promise<void>((resolve) => void clock.after(milliseconds, resolve))
  const queue = createQueue({
    clock,
    // A run is minutes of waiting for Pods; the calls in it are bounded by themselves.
    concurrency: Number.POSITIVE_INFINITY,
    run: nudgeWorkload,
    onError(key, error) {
      report.log('warn', 'Pods not nudged; the kubelet will come by itself', {
        workload: key,
        ...describeError(error),
      })
    },
  })

  /** Workload -> when its source changed, and whether that ends processes. */
  const due = new Map<string, Due>()

  async function nudgeWorkload(key: string): Promise<void> {
    const workload = view.workloads.get(key)
    if (!workload || !leads()) {
      due.delete(key)
      return
    }
    const pods = (await podsOf(api, workload.summary)).filter(hasRunningAgents)
    const { at, restarts } = due.get(key) ?? { at: clock.now(), restarts: false }
    // Here, and not before: who fails to list them tries again.
    due.delete(key)
    const change = { summary: workload.summary, at }
    await (restarts ? oneByOne(pods, change) : allAtOnce(pods, change))
  }

  async function allAtOnce(pods: readonly V1Pod[], change: Change): Promise<void> {
    const [first = [], rest = []] = rounds(pods, change.summary.native?.canary)
    await tell(first, change, rest.length > 0 ? CANARY_WAIT : AGAIN_AFTER)
    await tell(rest, change, AGAIN_AFTER)
  }

  /** Each when the last one's process is back: three replicas that restarted together were 0 ready for 14 s. */
  async function oneByOne(pods: readonly V1Pod[], change: Change): Promise<void> {
    for (const pod of pods) {
      const began = clock.now()
      await tell([pod], change, RESTART_WAIT)
      if (pod !== pods.at(-1)) await untilReady(pod, began + RESTART_WAIT)
    }
  }

  /** Resolves when all have it, or refuse it, or the time is over. */
  async function tell(pods: readonly V1Pod[], change: Change, limit: number): Promise<void> {
    if (pods.length === 0 || stopped || !leads()) return
    const behind = await waitFor(await nudge(pods), change, AGAIN_AFTER)
    await nudge(behind)
    if (limit > AGAIN_AFTER) await waitFor(behind, change, limit - AGAIN_AFTER)
  }

  /** Returns those that are still there. */
  async function nudge(pods: readonly V1Pod[]): Promise<V1Pod[]> {
    const statuses = await mapLimit(pods, nudgeOne, AT_ONCE)
    return pods.filter((_, index) => statuses[index] !== 404)
  }

  /** Returns the status; 0: no answer, or it was not asked. The kubelet comes by itself, so that nobody has to wait for another try. */
  async function nudgeOne(pod: V1Pod): Promise<number> {
    const delay = rate.take()
    if (delay > 0) await sleep(delay)
    if (stopped || !leads()) return 0
    const path = podPath(pod)
    const body = {
      metadata: { uid: pod.metadata?.uid, annotations: { [writtenKey('nudge')]: nudgeValue() } },
    }
    const contentType = 'application/merge-patch+json'
    const call: ApiCall = { method: 'PATCH', path, body, contentType }
    const status = await api.call(call).then(
      (response) => response.status,
      () => 0,
    )
    report.nudge(status === 200 ? 'done' : 'failed', 1)
    return status
  }
  const nudgeValue = () => new Date(clock.now()).toISOString()

  /** Returns those that are still behind when the time is over. */
  async function waitFor(pods: readonly V1Pod[], change: Change, limit: number): Promise<V1Pod[]> {
    const began = clock.now()
    let behind = [...pods]
    for (;;) {
      const waited = clock.now() - began
      if (behind.length === 0 || waited >= limit || stopped) return behind
      await sleep(Math.min(ASK_EVERY, limit - waited))
      const states = await mapLimit(behind, (pod) => stateOf(pod, change), AT_ONCE)
      // Who is not there, or has nothing to do, will not move later either.
      const patient = clock.now() - began < QUIET_WAIT
      behind = behind.filter((_, index) => {
        const state = states[index]
        return state === 'pending' || (patient && (state === 'unmoved' || state === 'unknown'))
      })
    }
  }

  async function stateOf(pod: V1Pod, { summary, at }: Change): Promise<AgentState> {
    return podState((await reportsOf(summary, pod, askAgent)).map((one) => agentState(one, at)))
  }

  /** Or gone, or the time is over. */
  async function untilReady(before: V1Pod, deadline: number): Promise<void> {
    const path = podPath(before)
    let delay = NOTICED_WITHIN
    for (;;) {
      await sleep(delay)
      if (clock.now() >= deadline || stopped) return
      delay = ASK_EVERY
      const answer = await api.call({ method: 'GET', path }).catch(() => undefined)
      if (answer?.status === 404) return
      if (answer?.status !== 200) continue
      const pod = answer.body as V1Pod
      if (isReady(pod) || !hasRunningAgents(pod) || pod.metadata?.uid !== before.metadata?.uid) return
    }
  }

  return {
    sourceChanged(source, users, keysets) {
      for (const key of users) {
        const summary = view.workloads.get(key)?.summary
        if (!summary?.native || summary.native.agents === 0 || summary.isPaused) continue
        const lives = view
          .usedSources(summary)
          .inPlace.some(
            (use) =>
              refId(use) === refId(source) && keysets.has(keysetOf(use)) && !view.sources.state(use).isPaused,
          )
        if (!lives) continue
        const restarts = summary.native.restarting.has(idIn(summary.namespace, source))
        due.set(key, { at: clock.now(), restarts: restarts || due.get(key)?.restarts === true })
        queue.add(key, TOGETHER)
        onChange(key)
      }
    },
    stop() {
      stopped = true
      queue.stop()
    },
  }
}

/** Which Pods are told together: so many first where a canary is wished, else all at once. */
export function rounds<T>(pods: readonly T[], canary: number | undefined): T[][] {
  if (pods.length === 0) return []
  if (canary === undefined || canary >= pods.length) return [[...pods]]
  return [pods.slice(0, canary), pods.slice(canary)]
}
