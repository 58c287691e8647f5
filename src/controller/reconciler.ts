/**
 * The controller's story: watches tell what there is (cluster-view.ts), and each workload that something happened to is looked at again:
 * how its sources compare (evaluation.ts), what follows (plan.ts), and, where we lead, doing it (carry-out.ts).
 */

import { createQueue } from '../async/queue.ts'
import { describeError } from '../errors.ts'
import { kindLabel, replacesItsPods } from '../workload/kinds.ts'
import { createCache } from './cache/cache.ts'
import { isSameSpec, type Workload } from './cache/workloads.ts'
import { checksumText } from './decide/checksum-text.ts'
import { type NextStep, nextStep, OVERDUE } from './decide/next-step.ts'
import { describeSources, diffSources, type SourceDiff } from './decide/source-diff.ts'
import { createLeadership } from './leadership.ts'
import type { ControllerOptions } from './options.ts'
import { createAgentProblems } from './pods/agent-problems.ts'
import { createNudges } from './pods/nudge.ts'
import { createUninjectedPods } from './pods/uninjected.ts'
import { eventReasons } from './report/report.ts'
import type { Baselines } from './rollout/baselines.ts'
import { createRolloutExecutor } from './rollout/executor.ts'
import { createRolloutLimiter } from './rollout/limiter.ts'
import { createRefresh } from './rollout/refresh.ts'
import { endReloaderPause } from './rollout/reloader-pause.ts'
import { createRevertGuard } from './rollout/revert-guard.ts'

export interface Controller {
  /** Undefined: alive. Else what stands still, in words for the kubelet's probe. */
  stuck(): string | undefined
  /** Undefined: ready to take over. */
  notReady(): string | undefined
  /** Rollouts under way. */
  rolloutsInProgress(): number
  /** What `defaults` gives is something else now. */
  defaultsChanged(): void
  stop(): Promise<void>
}

/** Workloads looked at at once; each may wait for a write. */
const CONCURRENCY = 16
/** A watch shows life at least each minute, or tries to; five are a lot. Milliseconds. */
const STUCK_AFTER = 300_000
const RETRY_READING = 5_000

export function startController(options: ControllerOptions): Controller {
  const { clock, report, compat, installKey } = options
  const limiter = createRolloutLimiter(options.limits, (key) => queue.add(key))
  const reverts = createRevertGuard(clock)
  const pending = new Map<string, Pending>()

  const queue = createQueue({
    clock,
    concurrency: CONCURRENCY,
    run: lookAt,
    onError(key, error) {
      report.rollout('failed', key.split('/')[0] ?? '')
      report.log('error', 'workload could not be dealt with; trying again', {
        workload: key,
        ...describeError(error),
      })
    },
  })
  const view = createCache(options, {
    workloadChanged: (key, last) => changed(key, last),
    contentChanged(source, users, keysets) {
      for (const key of users) queue.add(key)
      if (leadership.leads()) nudges.sourceChanged(source, users, keysets)
    },
    synced: () => leadership.begin(),
  })
  const leadership = createLeadership({
    ...options,
    isSynced: () => view.isSynced(),
    onBegin: begin,
    onEnd: end,
  })
  const parts = { ...options, view, leads: () => leadership.leads() }
  const repair = createUninjectedPods(parts)
  const problems = createAgentProblems({ ...parts, workloads: view.workloads })
  const nudges = createNudges({ ...parts, onChange: (key) => problems.changed(key) })
  const refresh = createRefresh(options.api, view.workloads)
  const executor = createRolloutExecutor({ ...parts, workloads: view.workloads, refresh })
  view.start()
  leadership.start()

  function begin(baselines: Baselines): void {
    endBegun()
    const alive = new Set<string>()
    for (const { key, summary } of view.workloads.all()) {
      alive.add(summary.uid)
      if (summary.progress === 'running') limiter.acquire(key, summary.namespace)
      queue.add(key)
      repair.lookSoon(key)
      problems.lookSoon(key)
    }
    if (view.isComplete()) for (const uid of baselines.uids()) if (!alive.has(uid)) baselines.remove(uid)
  }

  /** Who leads next says of each what it waits for; said by two it would count twice, and ours never change again. */
  function end(): void {
    pending.clear()
    for (const { key } of view.workloads.all()) {
      report.waiting(key, undefined)
      report.uninjected(key, 0)
    }
  }

  /** Tried until it works: the install key comes when it comes. */
  function endBegun(): void {
    if (!leadership.leads()) return
    executor.takeOver().catch((error: unknown) => {
      report.log('error', 'Jobs to be made again not read; trying again', describeError(error))
      clock.after(RETRY_READING, endBegun)
    })
  }

  function changed(key: string, last: Workload | undefined): void {
    const now = view.workloads.get(key)
    if (!now || now.summary.progress !== 'running') limiter.release(key)
    if (last && last.summary.uid !== now?.summary.uid) {
      pending.delete(key)
      reverts.forget(key)
      if (leadership.baselines()?.remove(last.summary.uid)) leadership.touch()
    }
    if (now) {
      queue.add(key)
      if (last && isSameSpec(now.summary, last.summary)) return
      repair.lookSoon(key)
      problems.lookSoon(key)
      return
    }
    queue.remove(key)
    limiter.cancel(key)
    repair.forget(key)
    problems.forget(key)
    report.waiting(key, undefined)
  }

  async function lookAt(key: string): Promise<void> {
    const workload = view.workloads.get(key)
    const baselines = leadership.baselines()
    if (!workload || !baselines || !leadership.leads()) return
    const { summary } = workload
    const used = view.usedSources(summary)
    const diff = diffSources(summary, used, {
      stateOf: (use) => view.sources.state(use),
      baseline: baselines.get(summary.uid),
      installKey: installKey(),
      compat,
    })
    const all = diff.merged
    if (baselines.update(summary.uid, all.newBaselines, all.staleBaselines)) leadership.touch()
    for (const { why } of all.unreadable) report.unreadable(why, summary.kind)
    notice(workload, diff)
    const resumed = await endReloaderPause(workload, { ...parts, refresh })
    if (resumed !== undefined) queue.add(key, resumed)
    const step = stepFor(workload, diff)
    report.waiting(key, step.do === 'wait' ? step.for : undefined)
    if (step.do === 'nothing') pending.delete(key)
    if (step.do === 'wait' && step.milliseconds !== undefined) queue.add(key, step.milliseconds)
    if (step.do === 'wait' && step.for === 'limit') limiter.wait(key, summary.namespace)
    else limiter.cancel(key)
    if (step.do === 'rollout' && leadership.leads()) await rollOut(workload, diff)
    else limiter.wakeNext()
    if (limiter.holds(key)) queue.add(key, OVERDUE)
  }

  /** What people should know of it, whatever is done. */
  function notice({ key, summary }: Workload, diff: SourceDiff): void {
    for (const sentence of summary.compat?.problems ?? [])
      report.event(summary, 'Warning', eventReasons.notUnderstood, sentence)
    for (const { id, why } of diff.merged.unreadable)
      if (why === 'forbidden')
        report.event(
          summary,
          'Warning',
          eventReasons.unreadable,
          `${describeSources(summary, diff, [id]).join()} may not be read: apply deploy/secrets in namespace ${summary.namespace}, or its changes roll nothing out`,
        )
    const { current, desired } = checksumText(summary, diff)
    if (reverts.saw(key, current, desired))
      report.event(
        summary,
        'Warning',
        eventReasons.checksumReverted,
        'somebody removed hotreload.dev/checksum 3 times in 10 minutes, so nothing is rolled out until that ends; docs/gitops.md',
      )
  }

  function stepFor({ key, summary, runningSince }: Workload, diff: SourceDiff): NextStep {
    const all = diff.merged
    const target = JSON.stringify([...all.desiredChecksums])
    const now = clock.now()
    const before = pending.get(key)
    const changedAt = before?.target === target ? before.changedAt : now
    const firstChangedAt = before?.firstChangedAt ?? now
    if (all.changed.length > 0) pending.set(key, { target, changedAt, firstChangedAt })
    if (runningSince !== undefined && now - runningSince >= OVERDUE) limiter.release(key)
    return nextStep(all, {
      now,
      isPaused: summary.isPaused,
      isSuspended: summary.isSuspended,
      progress: summary.progress,
      runningSince,
      hasChartChecksum: summary.hasChartChecksum,
      changedAt,
      firstChangedAt,
      revertBackoffUntil: reverts.until(key),
      pausePeriodUntil: summary.compat?.notBefore,
      isLimiterAvailable: limiter.isAvailable(summary.namespace),
    })
  }

  async function rollOut(workload: Workload, diff: SourceDiff): Promise<void> {
    const { key, summary } = workload
    // Before the write: while it is under way others ask for room.
    limiter.acquire(key, summary.namespace)
    const outcome = await executor.rollOut(workload, diff).catch((error: unknown) => {
      limiter.release(key)
      throw error
    })
    // An event on the way may have freed it in between.
    const runs = outcome === 'done' && view.workloads.get(key)?.summary.progress === 'running'
    if (runs) limiter.acquire(key, summary.namespace)
    else limiter.release(key)
    if (outcome !== 'done') return
    if (replacesItsPods(summary)) reverts.wrote(key, checksumText(summary, diff).desired)
    const { changedAt = clock.now() } = pending.get(key) ?? {}
    pending.delete(key)
    report.rollout('done', kindLabel(summary))
    report.log('info', 'rolled out', {
      workload: key,
      sources: diff.merged.changed,
      milliseconds: clock.now() - changedAt,
    })
  }

  return {
    stuck() {
      const silent = view.watches().find((one) => clock.now() - one.lastProgress() > STUCK_AFTER)
      return silent && 'a watch stands still'
    },
    rolloutsInProgress: () => limiter.inProgress(),
    defaultsChanged: () => view.relistWorkloads(),
    notReady: () => (view.isSynced() ? undefined : 'not all lists are complete'),
    async stop() {
      queue.stop()
      nudges.stop()
      repair.stop()
      problems.stop()
      executor.stop()
      view.stop()
      await leadership.stop()
    },
  }
}

interface Pending {
  /** What the stamps would be: something else has changed when this is different. */
  target: string
  changedAt: number
  firstChangedAt: number
}
