/**
 * Nudges the Pods of one workload, all at once or one after the other, and waits for their agents to load the change. With a trial one Pod is
 * first, and the others follow when its trial has ended well. That is an order and no guarantee: a kubelet may be earlier.
 */
import type { V1Pod } from '@kubernetes/client-node'
import type { Api, ApiCall, ApiResponse } from '../../api/api.ts'
import type { Clock } from '../../async/clock.ts'
import { mapLimit } from '../../async/map-limit.ts'
import { writtenKey } from '../../policy/annotations.ts'
import type { WorkloadSummary } from '../decide/workload-summary.ts'
import type { Report } from '../report/report.ts'
import { type AgentState, agentState, podState } from './agent-report.ts'
import type { DueVolumes } from './due-volumes.ts'
import { createNudgeLimiter } from './nudge-limiter.ts'
import { inTrialOrder } from './trial-order.ts'
import { type AskAgent, answersOf, hasRunningAgents, isReady, podPath } from './workload-pods.ts'

export interface PodNudger {
  /** Resolves when all Pods have loaded the change or refused it, or when the time for it is over. */
  nudge(change: PodsToNudge): Promise<void>
}

export interface PodsToNudge {
  pods: readonly V1Pod[]
  summary: WorkloadSummary
  /** What the agents must load. */
  due: DueVolumes
  /** The change restarts processes, so Pods are nudged one after the other. */
  restarts: boolean
  /** A newer change is due. */
  isSuperseded: () => boolean
}

export interface PodNudgerOptions {
  api: Api
  clock: Clock
  askAgent: AskAgent
  report: Pick<Report, 'nudge'>
  /** 0: no limit. */
  maxNudgesPerSecond?: number
  isLeading: () => boolean
  isStopped: () => boolean
}

/** Pods of one workload that are nudged, or asked, at once: those of other workloads must not wait behind thousands of them. */
const CONCURRENCY = 50

/** Milliseconds. The kubelet may have looked a moment before the change arrived, so a Pod that is still behind is nudged once more. */
const NUDGE_AGAIN_AFTER = 2_000
/** How long an API server with too much to do is asked again: after that the kubelet comes by itself. */
const OVERLOADED_FOR = 60_000
/** The canary Pods' head start. It does not stop the other Pods: the kubelet updates them later. */
const CANARY_WAIT = 60_000
/** For a process to restart, its stagger included, and for its Pod to become Ready again. */
const RESTART_WAIT = 300_000
/** How much longer than it should a trial may take before the other Pods are nudged all the same. */
const TRIAL_GRACE = 60_000
/** The longest wait for a Pod whose agent does not answer or has not begun to load. */
const QUIET_WAIT = 60_000
/** Until the kubelet has noticed that a container ended. Before that it may still report the Pod as Ready. */
const NOTICED_WITHIN = 3_000
const ASK_EVERY = 1_000

type Change = Omit<PodsToNudge, 'pods'>

export function createPodNudger(options: PodNudgerOptions): PodNudger {
  const { api, clock, report, askAgent, isLeading, isStopped } = options
  const sleep = (milliseconds: number) =>
    new Promise<void>((resolve) => void clock.after(milliseconds, resolve))
  const limiter = createNudgeLimiter(clock, sleep, options.maxNudgesPerSecond)

  async function nudgeInOrder(pods: readonly V1Pod[], change: Change): Promise<void> {
    const { bake = 0, canary = 1 } = change.summary.native ?? {}
    if (bake === 0 || pods.length <= canary) return nudgeOthers(pods, change)
    const sorted = inTrialOrder(pods)
    for (let next = 0; next < sorted.length; ) {
      const first = await nudgeFirst(sorted.slice(next, (next += canary)), change)
      if (isStopped() || !isLeading()) return
      // They are gone, and prove nothing.
      if (first.length === 0) continue
      if (await isTrialPassed(first, change, bake * 1_000)) await nudgeOthers(sorted.slice(next), change)
      return
    }
  }

  const nudgeFirst = (pods: readonly V1Pod[], change: Change): Promise<V1Pod[]> =>
    change.restarts ? oneByOne(pods, change) : nudgeRound(pods, change, CANARY_WAIT)

  async function nudgeOthers(pods: readonly V1Pod[], change: Change): Promise<void> {
    await (change.restarts ? oneByOne(pods, change) : allAtOnce(pods, change))
  }

  /** Also true where nobody knows, since the kubelets update the others anyway. @param bake milliseconds */
  async function isTrialPassed(pods: readonly V1Pod[], change: Change, bake: number): Promise<boolean> {
    const deadline = clock.now() + bake + TRIAL_GRACE
    const unsettled = new Set<AgentState | undefined>(['pending', 'baking'])
    for (;;) {
      const states = await mapLimit(pods, (pod) => stateOf(pod, change), CONCURRENCY)
      const isOver = isStopped() || !isLeading() || change.isSuperseded()
      if (isOver || states.includes('refused')) return false
      // A trial that has begun has an end, also where an answer is missing, or an agent that was restarted begins it anew.
      if (states.includes('baking'))
        for (const state of ['unknown', 'notStarted'] as const) unsettled.add(state)
      if (!states.some((state) => unsettled.has(state)) || clock.now() >= deadline) return true
      await sleep(ASK_EVERY)
    }
  }

  async function allAtOnce(pods: readonly V1Pod[], change: Change): Promise<void> {
    const { canary, bake = 0 } = change.summary.native ?? {}
    const [first = [], rest = []] = rounds(pods, bake === 0 ? canary : undefined)
    await nudgeRound(first, change, rest.length > 0 ? CANARY_WAIT : NUDGE_AGAIN_AFTER)
    await nudgeRound(rest, change, NUDGE_AGAIN_AFTER)
  }

  /** Each Pod waits until the one before is Ready again: three replicas that restarted together left none Ready for 14 s. */
  async function oneByOne(pods: readonly V1Pod[], change: Change): Promise<V1Pod[]> {
    const found: V1Pod[] = []
    for (const pod of pods) {
      const began = clock.now()
      found.push(...(await nudgeRound([pod], change, RESTART_WAIT)))
      if (pod !== pods.at(-1)) await untilReady(pod, began + RESTART_WAIT)
    }
    return found
  }

  /** Returns the Pods that still exist. */
  async function nudgeRound(pods: readonly V1Pod[], change: Change, limit: number): Promise<V1Pod[]> {
    if (pods.length === 0 || isStopped() || !isLeading()) return []
    const found = await nudgeAll(pods)
    const behind = await waitUntilLoaded(found, change, NUDGE_AGAIN_AFTER)
    await nudgeAll(behind)
    if (limit > NUDGE_AGAIN_AFTER) await waitUntilLoaded(behind, change, limit - NUDGE_AGAIN_AFTER)
    return found
  }

  /** Returns the Pods that still exist. */
  async function nudgeAll(pods: readonly V1Pod[]): Promise<V1Pod[]> {
    const statuses = await mapLimit(pods, nudgePod, CONCURRENCY)
    return pods.filter((_, index) => statuses[index] !== 404)
  }

  /** Returns the status; 0: no answer, or no call. Only 429 is tried again, since the kubelet updates the Pod later anyway. */
  async function nudgePod(pod: V1Pod): Promise<number> {
    const began = clock.now()
    for (;;) {
      await limiter.turn(pod.spec?.nodeName)
      if (isStopped() || !isLeading()) return 0
      const { status, retryAfterSeconds } = await patchPod(pod)
      const isOverloaded = status === 429
      if (isOverloaded) limiter.pause(retryAfterSeconds)
      if (isOverloaded && clock.now() - began < OVERLOADED_FOR) continue
      report.nudge(status === 200 ? 'done' : 'failed', 1)
      return status
    }
  }

  async function patchPod(pod: V1Pod): Promise<Pick<ApiResponse, 'status' | 'retryAfterSeconds'>> {
    const annotations = { [writtenKey('nudge')]: new Date(clock.wall()).toISOString() }
    const call: ApiCall = {
      method: 'PATCH',
      path: podPath(pod),
      body: { metadata: { uid: pod.metadata?.uid, annotations } },
      contentType: 'application/merge-patch+json',
    }
    return api.call(call).catch(() => ({ status: 0 }))
  }

  /** Returns the Pods that are still behind when the time is over. */
  async function waitUntilLoaded(pods: readonly V1Pod[], change: Change, limit: number): Promise<V1Pod[]> {
    const began = clock.now()
    let behind = [...pods]
    for (;;) {
      const waited = clock.now() - began
      if (behind.length === 0 || waited >= limit || isStopped()) return behind
      await sleep(Math.min(ASK_EVERY, limit - waited))
      const states = await mapLimit(behind, (pod) => stateOf(pod, change), CONCURRENCY)
      // A Pod that does not answer, or has not begun to load, will do no better later.
      const isPatient = clock.now() - began < QUIET_WAIT
      behind = behind.filter((_, index) => {
        const state = states[index]
        return state === 'pending' || (isPatient && (state === 'notStarted' || state === 'unknown'))
      })
    }
  }

  async function stateOf(pod: V1Pod, { due }: Change): Promise<AgentState | undefined> {
    return podState(await answersOf(pod, askAgent, (one) => agentState(one, due)))
  }

  /** Resolves as well when the Pod is gone, or when the time is over. */
  async function untilReady(before: V1Pod, deadline: number): Promise<void> {
    const path = podPath(before)
    let delay = NOTICED_WITHIN
    for (;;) {
      await sleep(delay)
      if (clock.now() >= deadline || isStopped()) return
      delay = ASK_EVERY
      const answer = await api.call({ method: 'GET', path }).catch(() => undefined)
      if (answer?.status === 404) return
      if (answer?.status !== 200) continue
      const pod = answer.body as V1Pod
      if (isReady(pod) || !hasRunningAgents(pod) || pod.metadata?.uid !== before.metadata?.uid) return
    }
  }

  return {
    nudge: ({ pods, ...change }) => nudgeInOrder(pods, change),
  }
}

/** Which Pods are nudged together: the canary Pods first, if the workload has any, then all others. */
export function rounds<T>(pods: readonly T[], canary: number | undefined): T[][] {
  if (pods.length === 0) return []
  if (canary === undefined || canary >= pods.length) return [[...pods]]
  return [pods.slice(0, canary), pods.slice(canary)]
}
