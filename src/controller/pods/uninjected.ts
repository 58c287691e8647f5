/**
 * Pods that ask for the agent and run without it: the webhook was away when they were made. A person is told; with `--evict-uninjected`
 * they are replaced, one at a time, through the eviction API, which asks PodDisruptionBudgets.
 */
import type { V1Pod } from '@kubernetes/client-node'
import { createQueue } from '../../async/queue.ts'
import { describeError } from '../../errors.ts'
import { writtenKey } from '../../policy/annotations.ts'
import type { Cache } from '../cache/cache.ts'
import type { ControllerOptions } from '../options.ts'
import { eventReasons } from '../report/report.ts'
import { podPath, podsOf } from './workload-pods.ts'

export interface UninjectedPods {
  /** Looks at a workload's Pods when it has settled, and every now and then after that. */
  lookSoon(key: string): void
  forget(key: string): void
  stop(): void
}

/** Milliseconds. */
const SETTLES_WITHIN = 10_000
const AGAIN_AFTER = 600_000
const NEXT_EVICTION = 20_000

type Options = Pick<ControllerOptions, 'api' | 'clock' | 'report' | 'evictUninjected'> & {
  view: Pick<Cache, 'workloads' | 'isLabelled'>
  leads: () => boolean
}

export function createUninjectedPods({
  api,
  clock,
  report,
  view,
  leads,
  evictUninjected,
}: Options): UninjectedPods {
  /** When we evicted a Pod of this workload first: one that was made later and lacks the agent too shows that eviction is no cure. */
  const evictedSince = new Map<string, number>()
  const queue = createQueue({
    clock,
    concurrency: 2,
    run: lookAt,
    onError: (key, error) =>
      report.log('debug', 'Pods not looked at', {
        workload: key,
        ...describeError(error),
      }),
  })

  async function lookAt(key: string): Promise<void> {
    const workload = view.workloads.get(key)
    queue.add(key, AGAIN_AFTER)
    if (!workload || !leads()) return
    const { summary } = workload
    if (!summary.native || summary.native.agents === 0 || !view.isLabelled(summary.namespace)) return
    const missing = uninjected(await podsOf(api, summary))
    report.uninjected(key, missing.length)
    const [first] = missing
    if (!first) {
      evictedSince.delete(key)
      return
    }
    // Applied again, an unchanged manifest says nothing new, to kubectl or to the webhook.
    const why = summary.native.injected
      ? 'changes do not reach them'
      : 'hotreload.dev/inject was set while the webhook was away or the namespace had no label'
    report.event(
      summary,
      'Warning',
      eventReasons.notInjected,
      `Pods that run without the agent: ${missing.length}; ${why}; replace them with kubectl rollout restart`,
    )
    const since = evictedSince.get(key)
    const inVain = since !== undefined && missing.some((pod) => createdAt(pod) > since)
    if (!evictUninjected || !summary.native.injected || inVain || summary.isPaused) return
    if (summary.progress === 'done') await evict(key, first)
    queue.add(key, NEXT_EVICTION)
  }

  async function evict(key: string, pod: V1Pod): Promise<void> {
    const { namespace, name, uid } = pod.metadata ?? {}
    const path = `${podPath(pod)}/eviction`
    const body = {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name, namespace },
      deleteOptions: { preconditions: { uid } },
    }
    const { status } = await api.call({ method: 'POST', path, body })
    // 429: a PodDisruptionBudget says not now.
    if (status === 201 && !evictedSince.has(key)) evictedSince.set(key, clock.now())
    report.log('info', 'eviction asked for a Pod without the agent', { workload: key, status })
  }

  return {
    lookSoon: (key) => queue.add(key, SETTLES_WITHIN),
    forget(key) {
      queue.remove(key)
      evictedSince.delete(key)
      report.uninjected(key, 0)
    },
    stop: () => queue.stop(),
  }
}

/** Pods that could have the agent and don't: not those on their way out, nor those that another controller's template made. */
export const uninjected = (pods: readonly V1Pod[]): V1Pod[] =>
  pods.filter(
    ({ metadata, spec, status }) =>
      metadata?.annotations?.[writtenKey('status')] === undefined &&
      metadata?.deletionTimestamp === undefined &&
      (status?.phase === 'Running' || status?.phase === 'Pending') &&
      spec?.hostPID !== true &&
      spec?.os?.name !== 'windows' &&
      spec?.nodeSelector?.['kubernetes.io/os'] !== 'windows',
  )

const createdAt = ({ metadata }: V1Pod): number => Date.parse(String(metadata?.creationTimestamp)) || 0
