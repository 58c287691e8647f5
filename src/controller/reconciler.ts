/**
 * The controller's loop. The cache reports which workloads have changed, or use a source that has. `reconcile` handles one workload: it
 * compares its sources with what its Pods run with (decide/), and while this replica leads, rolls it out (rollout/). For changes that need
 * no rollout, pods/ nudges running Pods.
 */
import { createQueue, earliest, type Queue, type Requeue } from '../async/queue.ts'
import { describeError } from '../errors.ts'
import { kindLabel, replacesItsPods } from '../workload/kinds.ts'
import type { SourceRef } from '../workload/sources-in-use.ts'
import { type Cache, createCache } from './cache/cache.ts'
import { isSameSpec, type Workload } from './cache/workloads.ts'
import { checksumText } from './decide/checksum-text.ts'
import { gateWait } from './decide/gate-verdict.ts'
import { type NextStep, nextStep } from './decide/next-step.ts'
import { pendingChange } from './decide/pending-change.ts'
import { STALLED } from './decide/running-rollout.ts'
import { diffSources, type SourceDiff } from './decide/source-diff.ts'
import { createLeadership, type Leadership } from './leadership.ts'
import type { ControllerOptions } from './options.ts'
import { type CheckedPods, createCheckedPods } from './pods/checked-pods.ts'
import { createNudges, type Nudges } from './pods/nudge.ts'
import { warnOfHeld, warnOfInput, warnOfReverts } from './report/warnings.ts'
import type { Baselines } from './rollout/baselines.ts'
import { createRolloutExecutor, type RolloutExecutor } from './rollout/executor.ts'
import { createRolloutLimiter, type RolloutLimiter } from './rollout/limiter.ts'
import { createRefresh, type Refresh } from './rollout/refresh.ts'
import { reportProgress, reportStarted } from './rollout/rollout-events.ts'
import { endToolPause } from './rollout/tool-pause.ts'
import type { SetAside } from './set-aside/guard.ts'
import { createSetAsideWorkloads, type SetAsideWorkloads } from './set-aside/set-aside.ts'
import { createWorkloadStates, type WorkloadState, type WorkloadStates } from './workload-state.ts'

/** Workloads that are reconciled at once; each may wait for a write. */
const CONCURRENCY = 16
/** Milliseconds. A watch makes progress each minute, or tries to. */
const NO_PROGRESS_AFTER = 300_000

export class Reconciler {
  readonly #options: ControllerOptions
  /** Namespaces, workloads and sources as the watches show them. */
  readonly #cache: Cache
  /** Workloads to reconcile, by key. */
  readonly #queue: Queue
  readonly #leadership: Leadership
  /** What the controller remembers of each workload. */
  readonly #states: WorkloadStates
  readonly #limiter: RolloutLimiter
  readonly #refresh: Refresh
  readonly #executor: RolloutExecutor
  readonly #nudges: Nudges
  readonly #checkedPods: CheckedPods
  readonly #setAside: SetAsideWorkloads

  /** Only joins the parts: nothing is read, written or called back before `start`. */
  constructor(options: ControllerOptions) {
    const { api, clock } = options
    this.#options = options
    this.#states = createWorkloadStates(clock)
    this.#queue = createQueue({
      clock,
      concurrency: CONCURRENCY,
      // Its turn among those that wait for the limits is over then, also if it is gone or has failed.
      run: (key) => this.reconcile(key).finally(() => this.#limiter.wakeNext()),
      onError: (key, error) => this.#reconcileFailed(key, error),
    })
    this.#limiter = createRolloutLimiter(options.limits, (key) => this.#queue.add(key))
    this.#setAside = createSetAsideWorkloads({
      ...options,
      isLeading: () => this.#leadership.isLeading(),
      put: (object) => this.#cache.workloads.put(object),
    })
    this.#cache = createCache(
      { ...options, guard: this.#setAside.guard },
      {
        workloadChanged: (key, last) => this.#workloadChanged(key, last),
        contentChanged: (source, users, changedKeysets) =>
          this.#contentChanged(source, users, changedKeysets),
        synced: () => this.#leadership.cacheSynced(),
      },
    )
    this.#leadership = createLeadership({
      ...options,
      isCacheSynced: () => this.#cache.isSynced(),
      onStartedLeading: (baselines) => this.#startedLeading(baselines),
      onStoppedLeading: () => this.#stoppedLeading(),
    })
    const { workloads } = this.#cache
    this.#refresh = createRefresh(api, workloads)
    const parts = {
      ...options,
      cache: this.#cache,
      workloads,
      refresh: this.#refresh,
      limiter: this.#limiter,
      isLeading: () => this.#leadership.isLeading(),
      stateOf: (key: string) => this.#states.of(key),
    }
    this.#executor = createRolloutExecutor(parts)
    this.#nudges = createNudges(parts)
    this.#checkedPods = createCheckedPods({ ...parts, gatesAsked: (key) => this.#queue.add(key) })
  }

  /** Starts the watches and takes part in the election. @param setAside what an earlier process has set aside */
  start(setAside: readonly SetAside[] = []): void {
    this.#setAside.start(setAside)
    this.#cache.start()
    this.#leadership.start()
  }

  async stop(): Promise<void> {
    const parts = [this.#queue, this.#nudges, this.#checkedPods, this.#setAside, this.#executor]
    for (const part of parts) part.stop()
    this.#cache.stop()
    await this.#leadership.stop()
  }

  /** For the kubelet's liveness probe: the reason; undefined: alive. */
  notAlive(): string | undefined {
    const now = this.#options.clock.now()
    const makesNone = this.#cache.watches().some((watch) => now - watch.lastProgress() > NO_PROGRESS_AFTER)
    return makesNone ? 'a watch made no progress for 5 minutes' : undefined
  }

  /** For the kubelet's readiness probe: what is missing; undefined: ready to take over. */
  notReady(): string | undefined {
    return this.#cache.isSynced() ? undefined : 'not all lists are complete'
  }

  rolloutsInProgress(): number {
    return this.#limiter.inProgress()
  }

  /** The defaults of the policy file have changed. */
  defaultsChanged(): void {
    this.#cache.relistWorkloads()
  }

  /** Returns in how many milliseconds to reconcile the workload again; undefined: when something changes. */
  async reconcile(key: string): Promise<Requeue> {
    const workload = this.#cache.workloads.get(key)
    const baselines = this.#leadership.baselines()
    if (!workload || !baselines || !this.#leadership.isLeading()) return undefined
    const { report, clock } = this.#options
    const { summary } = workload
    const state = this.#states.of(key)
    const diff = this.#diff(workload, baselines)
    warnOfInput(report, summary, diff)
    if (state.reverts.saw(checksumText(summary, diff))) warnOfReverts(report, summary)
    const resumeIn = await endToolPause(workload, { ...this.#options, refresh: this.#refresh })
    // The next leader sets the gauges from now on, and a workload that is gone has none.
    if (!this.#leadership.isLeading() || this.#cache.workloads.get(key) !== workload) return resumeIn
    state.pendingChange = pendingChange(state.pendingChange, diff.merged, clock.now())
    const stallsIn = this.#releaseIfStalled(workload)
    const reportIn = reportProgress(report, workload, diff, state, clock.now())
    const step = this.#nextStep(workload, state, diff)
    report.waiting(key, step.do === 'wait' ? step.for : undefined)
    const waitsForGate = step.do === 'wait' && step.for === 'held'
    // Nobody else asks about a key that no gate shows, or about a change from before this replica led.
    if (waitsForGate && !state.waitsForGate) this.#checkedPods.checkSoon(key)
    state.waitsForGate = waitsForGate
    if (waitsForGate && step.milliseconds === undefined) warnOfHeld(report, summary, diff)
    if (step.do === 'wait' && step.for === 'limit') this.#limiter.wait(key, summary.namespace)
    else this.#limiter.cancel(key)
    if (step.do === 'rollout') await this.#rollOut(workload, state, diff)
    return earliest(resumeIn, stallsIn, reportIn, step.do === 'wait' ? step.milliseconds : undefined)
  }

  #diff({ summary }: Workload, baselines: Baselines): SourceDiff {
    const { installKey, compat } = this.#options
    const diff = diffSources(summary, this.#cache.usedSources(summary), {
      stateOf: (use) => this.#cache.sources.state(use),
      baseline: baselines.get(summary.uid),
      installKey: installKey(),
      compat,
    })
    const { newBaselines, staleBaselines } = diff.merged
    if (baselines.update(summary.uid, newBaselines, staleBaselines)) this.#leadership.baselinesChanged()
    return diff
  }

  /** A stalled rollout gives its place to others. Returns in how many milliseconds it would be stalled; undefined: it has no place. */
  #releaseIfStalled({ key, running }: Workload): number | undefined {
    if (!running || !this.#limiter.isInProgress(key)) return undefined
    const stallsIn = running.progressedAt + STALLED - this.#options.clock.now()
    if (stallsIn > 0) return stallsIn
    this.#limiter.release(key)
    return undefined
  }

  #nextStep({ key, summary, running }: Workload, state: WorkloadState, diff: SourceDiff): NextStep {
    const now = this.#options.clock.now()
    if (!running) state.overtakes = 0
    const { changedAt = now, firstChangedAt = now } = state.pendingChange ?? {}
    return nextStep(diff.merged, {
      ...summary,
      now,
      running,
      overtakes: state.overtakes,
      changedAt,
      firstChangedAt,
      revertBackoffUntil: state.reverts.backoffUntil(),
      pausePeriod: summary.compat?.pausePeriod,
      // A workload that overtakes its own rollout keeps its place.
      gate: summary.native && gateWait(diff.merged.changed, summary.native, state.gateVerdict, changedAt),
      isLimiterAvailable: this.#limiter.isInProgress(key) || this.#limiter.isAvailable(summary.namespace),
    })
  }

  async #rollOut(workload: Workload, state: WorkloadState, diff: SourceDiff): Promise<void> {
    const { report, clock } = this.#options
    const { key, summary } = workload
    const outcome = await this.#executor.rollOut(workload, diff)
    if (outcome === 'conflict') return
    if (workload.running) state.overtakes += 1
    if (replacesItsPods(summary)) state.reverts.wrote(checksumText(summary, diff).desired)
    const now = clock.now()
    const milliseconds = now - (state.pendingChange?.changedAt ?? now)
    state.pendingChange = undefined
    reportStarted(report, summary, diff, state, outcome)
    report.rollout('done', kindLabel(summary))
    report.log('info', 'rolled out', { workload: key, sources: diff.merged.changed, milliseconds })
  }

  #reconcileFailed(key: string, error: unknown): void {
    const { report } = this.#options
    report.rollout('failed', key.split('/')[0] ?? '')
    report.log('error', 'reconcile failed; trying again', { workload: key, ...describeError(error) })
  }

  #workloadChanged(key: string, last: Workload | undefined): void {
    const now = this.#cache.workloads.get(key)
    if (!now?.running) this.#limiter.release(key)
    if (last && last.summary.uid !== now?.summary.uid) this.#forget(last)
    if (!now) return
    this.#queue.add(key)
    const isSame = last && isSameSpec(now.summary, last.summary)
    if (!isSame && this.#leadership.isLeading()) this.#checkedPods.specChanged(key)
  }

  #forget({ key, summary }: Workload): void {
    const { report } = this.#options
    this.#states.forget(key)
    this.#limiter.cancel(key)
    report.waiting(key, undefined)
    report.uninjected(key, 0)
    // It comes back, and what changed meanwhile is rolled out then.
    if (this.#setAside.has(summary.uid)) return
    if (this.#leadership.baselines()?.remove(summary.uid)) this.#leadership.baselinesChanged()
  }

  #contentChanged(source: SourceRef, users: ReadonlySet<string>, changedKeysets: ReadonlySet<string>): void {
    for (const key of users) this.#queue.add(key)
    if (!this.#leadership.isLeading()) return
    for (const [key, concerned] of this.#nudges.sourceChanged(source, users, changedKeysets))
      this.#checkedPods.sourceChanged(key, source, concerned)
  }

  #startedLeading(baselines: Baselines): void {
    this.#executor.startedLeading()
    this.#setAside.startedLeading()
    const uids = new Set(this.#setAside.guard.setAside().map(({ uid }) => uid))
    for (const { key, summary, running } of this.#cache.workloads.all()) {
      uids.add(summary.uid)
      if (running) this.#limiter.acquire(key, summary.namespace, summary.podsAtOnce)
      this.#queue.add(key)
    }
    this.#checkedPods.startedLeading(this.#cache.workloads.all())
    if (!this.#cache.isComplete()) return
    const removed = [...baselines.uids()].filter((uid) => !uids.has(uid) && baselines.remove(uid))
    if (removed.length > 0) this.#leadership.baselinesChanged()
  }

  /** Clears our gauges: the next leader exports its own, so ours would count twice, and never change again. */
  #stoppedLeading(): void {
    const { report } = this.#options
    this.#states.stoppedLeading()
    for (const { key } of this.#cache.workloads.all()) {
      report.waiting(key, undefined)
      report.uninjected(key, 0)
    }
  }
}
