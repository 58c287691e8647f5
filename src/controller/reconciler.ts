/**
 * The controller's story: watches tell what there is (cluster-view.ts), and each workload that something happened to is looked at again:
 * how its sources compare (evaluation.ts), what follows (plan.ts), and, where we lead, doing it (carry-out.ts).
 */

import { createQueue } from '../async/queue.ts'
import { describeProblem } from '../errors.ts'
import { kindLabel } from '../workload/kinds.ts'
import { createCache } from './cache/cache.ts'
import { isSameSpec, type Workload } from './cache/workloads.ts'
import { checksumTexts } from './decide/checksum-texts.ts'
import { type Evaluation, evaluate, merged } from './decide/evaluate.ts'
import { nextStep, OVERDUE, type Step } from './decide/next-step.ts'
import { createLeadership } from './leadership.ts'
import type { ControllerOptions } from './options.ts'
import { createAgentProblems } from './pods/agent-problems.ts'
import { createNudges } from './pods/nudge.ts'
import { createUninjectedPods } from './pods/uninjected.ts'
import { eventReasons } from './report.ts'
import type { Baselines } from './rollout/baselines.ts'
import { createRolloutExecutor } from './rollout/executor.ts'
import { createRolloutLimiter } from './rollout/limiter.ts'
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
        problem: describeProblem(error),
      })
    },
  })
  const view = createCache(options, {
    workload: (key, last) => changed(key, last),
    content(source, users, keysets) {
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
  const executor = createRolloutExecutor({ ...parts, reverts })

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
      report.log('error', 'Jobs to be made again not read; trying again', { problem: describeProblem(error) })
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
    const used = view.used(summary)
    const evaluation = evaluate(summary, used, {
      state: (use) => view.sources.state(use),
      baseline: baselines.get(summary.uid),
      installKey: installKey(),
      compat,
    })
    const all = merged(evaluation)
    if (baselines.update(summary.uid, all.record, all.forget)) leadership.touch()
    for (const { why } of all.unreadable) report.unreadable(why, summary.kind)
    notice(workload, evaluation)
    const resumed = await executor.resume(workload)
    if (resumed !== undefined) queue.add(key, resumed)
    const step = stepFor(workload, evaluation)
    report.waiting(key, step.do === 'wait' ? step.for : undefined)
    if (step.do === 'nothing') pending.delete(key)
    if (step.do === 'wait' && step.milliseconds !== undefined) queue.add(key, step.milliseconds)
    if (step.do === 'wait' && step.for === 'limit') limiter.wait(key, summary.namespace)
    else limiter.cancel(key)
    if (step.do === 'rollout' && leadership.leads()) await rollOut(workload, evaluation)
    else limiter.wakeNext()
    if (limiter.holds(key)) queue.add(key, OVERDUE)
  }

  /** What people should know of it, whatever is done. */
  function notice({ key, summary }: Workload, evaluation: Evaluation): void {
    for (const sentence of summary.compat?.problems ?? [])
      report.event(summary, 'Warning', eventReasons.notUnderstood, sentence)
    const { unreadable } = merged(evaluation)
    for (const { id, why } of unreadable)
      if (why === 'forbidden')
        report.event(
          summary,
          'Warning',
          eventReasons.unreadable,
          `${id.replace('/', ' ')} may not be read: apply deploy/secrets in namespace ${summary.namespace}, or its changes roll nothing out`,
        )
    if (reverts.saw(key, ...checksumTexts({ summary }, evaluation)))
      report.event(
        summary,
        'Warning',
        eventReasons.checksumReverted,
        'somebody removed hotreload.dev/checksum 3 times in 10 minutes, so nothing is rolled out until that ends; docs/gitops.md',
      )
  }

  function stepFor({ key, summary, runningSince }: Workload, evaluation: Evaluation): Step {
    const all = merged(evaluation)
    const target = JSON.stringify([...all.target])
    const now = clock.now()
    const before = pending.get(key)
    const changedAt = before?.target === target ? before.changedAt : now
    const firstChangedAt = before?.firstChangedAt ?? now
    if (all.changed.length > 0) pending.set(key, { target, changedAt, firstChangedAt })
    if (runningSince !== undefined && now - runningSince >= OVERDUE) limiter.release(key)
    const { pausePeriod, pausedAt } = summary.compat ?? {}
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
      pausePeriodUntil:
        pausePeriod !== undefined && pausedAt !== undefined ? pausedAt + pausePeriod : undefined,
      isLimiterAvailable: limiter.isAvailable(summary.namespace),
    })
  }

  async function rollOut(workload: Workload, evaluation: Evaluation): Promise<void> {
    const { key, summary } = workload
    // Before the write: while it is under way others ask for room.
    limiter.acquire(key, summary.namespace)
    const outcome = await executor.rollOut(workload, evaluation).catch((error: unknown) => {
      limiter.release(key)
      throw error
    })
    // An event on the way may have freed it in between.
    const runs = outcome === 'done' && view.workloads.get(key)?.summary.progress === 'running'
    if (runs) limiter.acquire(key, summary.namespace)
    else limiter.release(key)
    if (outcome !== 'done') return
    const { changedAt = clock.now() } = pending.get(key) ?? {}
    pending.delete(key)
    report.rollout('done', kindLabel(summary))
    report.log('info', 'rolled out', {
      workload: key,
      sources: merged(evaluation).changed,
      milliseconds: clock.now() - changedAt,
    })
  }

  return {
    stuck() {
      const silent = view.watches().find((one) => clock.now() - one.lastProgress() > STUCK_AFTER)
      return silent && 'a watch stands still'
    },
    rolloutsInProgress: () => limiter.inProgress(),
    defaultsChanged: () => view.reconsiderWorkloads(),
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
