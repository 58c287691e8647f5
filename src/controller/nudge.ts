/**
 * A new value in an annotation of a Pod makes the kubelet look at the Pod's volumes at once instead of within 60 to 80 seconds (measured: 0.1
 * to 0.2 s). Nothing depends on it: without a nudge the same happens later. So a nudge is never stored, and lost with the process.
 */
import { writtenKey } from '../policy/annotations.ts'
import type { V1Pod } from '@kubernetes/client-node'
import { agentState, type AgentState, worst } from './agent-report.ts'
import type { ClusterView } from './cluster-view.ts'
import type { ControllerOptions } from './controller-options.ts'
import { createQueue } from './queue.ts'
import { createRate } from './rate.ts'
import { keysetOf, refId, type SourceRef } from './sources-in-use.ts'
import type { Workload } from './workloads.ts'

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
/** A process that restarts, with its stagger; who can't be asked is left behind after the first. */
const RESTART_WAIT = 300_000
const UNKNOWN_WAIT = 60_000
const ASK_EVERY = 1_000
const FIRST_PORT = 9467

type Options = Pick<ControllerOptions, 'api' | 'clock' | 'report' | 'askAgent'> & {
  view: Pick<ClusterView, 'workloads' | 'sources' | 'used'>
  leads: () => boolean
}

export function createNudges({ api, clock, report, askAgent, view, leads }: Options): Nudges {
  const rate = createRate(clock, PER_SECOND, BURST)
  let stopped = false
  const sleep = (milliseconds: number) =>
    new Promise<void>((resolve) => void clock.after(milliseconds, resolve))
  const queue = createQueue({
    clock,
    concurrency: 32,
    run: nudgeWorkload,
    onError(key, error) {
      const problem = error instanceof Error ? error.message.slice(0, 300) : typeof error
      report.log('warn', 'Pods not nudged; the kubelet will come by itself', { workload: key, problem })
    },
  })

  async function nudgeWorkload(key: string): Promise<void> {
    const workload = view.workloads.get(key)
    if (!workload || !leads()) return
    const { canary, restarts = false } = workload.facts.native ?? {}
    const pods = await injectedPods(workload)
    for (const [index, round] of rounds(pods, canary, restarts).entries()) {
      if (stopped || !leads()) return
      const since = clock.now()
      await Promise.all(round.map(nudge))
      const limit = restarts ? RESTART_WAIT : index === 0 && canary !== undefined ? CANARY_WAIT : AGAIN_AFTER
      const behind = await waitFor(workload, round, since, limit)
      if (limit === AGAIN_AFTER) await Promise.all(behind.map(nudge))
    }
  }

  async function injectedPods({ facts }: Workload): Promise<V1Pod[]> {
    const { namespace, selector } = facts
    if (selector === undefined) return []
    const path = `/api/v1/namespaces/${namespace}/pods?labelSelector=${encodeURIComponent(selector)}`
    const { status, body } = await api.call({ method: 'GET', path, timeoutMilliseconds: 30_000 })
    if (status !== 200) throw new Error(`Pods not listed: ${status}`)
    const { items } = body as { items: V1Pod[] | null }
    return (items ?? []).filter(
      ({ metadata, status: now }) =>
        metadata?.annotations?.[writtenKey('status')] !== undefined &&
        metadata.deletionTimestamp === undefined &&
        now?.phase === 'Running',
    )
  }

  async function nudge({ metadata }: V1Pod): Promise<void> {
    const delay = rate.take()
    if (delay > 0) await sleep(delay)
    const path = `/api/v1/namespaces/${metadata?.namespace}/pods/${metadata?.name}`
    const body = { metadata: { uid: metadata?.uid, annotations: { [writtenKey('nudge')]: nudgeValue() } } }
    const contentType = 'application/merge-patch+json'
    const { status } = await api.call({ method: 'PATCH', path, body, contentType })
    report.nudge(status === 200 ? 'done' : 'failed', 1)
  }
  const nudgeValue = () => new Date(clock.now()).toISOString()

  /** Until each of these has loaded it, refused, or the time is over. Returns those that are still behind. */
  async function waitFor(workload: Workload, pods: V1Pod[], since: number, limit: number): Promise<V1Pod[]> {
    let behind = pods
    for (;;) {
      await sleep(Math.min(ASK_EVERY, Math.max(0, limit - (clock.now() - since))))
      const states = await Promise.all(behind.map((pod) => stateOf(workload, pod, since)))
      const waited = clock.now() - since
      behind = behind.filter((_, index) => {
        const state = states[index]
        return state === 'pending' || (state === 'unknown' && waited < Math.min(limit, UNKNOWN_WAIT))
      })
      if (behind.length === 0 || waited >= limit || stopped) return behind
    }
  }

  async function stateOf({ facts }: Workload, pod: V1Pod, since: number): Promise<AgentState> {
    const ip = pod.status?.podIP
    if (ip === undefined) return 'unknown'
    const ports = Array.from({ length: facts.native?.agents ?? 0 }, (_, index) => FIRST_PORT + index)
    const reports = await Promise.all(ports.map((port) => askAgent(ip, port)))
    return worst(reports.map((one) => agentState(one, since)))
  }

  return {
    sourceChanged(source, users, keysets) {
      for (const key of users) {
        const facts = view.workloads.get(key)?.facts
        if (!facts?.native || facts.native.agents === 0 || facts.pause) continue
        const lives = view
          .used(facts)
          .living.some(
            (use) =>
              refId(use) === refId(source) && keysets.has(keysetOf(use)) && !view.sources.state(use).paused,
          )
        if (lives) queue.add(key, TOGETHER)
      }
    },
    stop() {
      stopped = true
      queue.stop()
    },
  }
}

/** In which order Pods are told: one by one where processes restart, so many first where a canary is wished, else all at once. */
export function rounds<T>(pods: readonly T[], canary: number | undefined, restarts: boolean): T[][] {
  if (pods.length === 0) return []
  if (restarts) return pods.map((pod) => [pod])
  if (canary === undefined || canary >= pods.length) return [[...pods]]
  return [pods.slice(0, canary), pods.slice(canary)]
}
