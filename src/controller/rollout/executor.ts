/**
 * Carries out a decided rollout: takes its place among the concurrent ones, writes it the way that the workload's kind needs, and reports a
 * failure as an Event on the workload.
 */
import { ApiError } from '../../api/api.ts'
import { replacesItsPods } from '../../workload/kinds.ts'
import type { Workload, Workloads } from '../cache/workloads.ts'
import { describeSources, type SourceDiff } from '../decide/source-diff.ts'
import { eventReasons, type Report } from '../report/report.ts'
import { createJobRerun, type JobRerun, type JobRerunOptions } from './job-rerun.ts'
import type { RolloutLimiter } from './limiter.ts'
import {
  createTemplateRollout,
  type RolloutOutcome,
  type TemplateRolloutOptions,
} from './template-rollout.ts'

export interface RolloutExecutor extends Pick<JobRerun, 'startedLeading' | 'stop'> {
  /** @throws ApiError; rejects as well without a response */
  rollOut(workload: Workload, diff: SourceDiff): Promise<RolloutOutcome>
}

export interface RolloutExecutorOptions extends TemplateRolloutOptions, JobRerunOptions {
  report: JobRerunOptions['report'] & Pick<Report, 'event'>
  workloads: Pick<Workloads, 'get' | 'put'>
  limiter: Pick<RolloutLimiter, 'acquire' | 'release'>
}

export function createRolloutExecutor(options: RolloutExecutorOptions): RolloutExecutor {
  const { report, workloads, limiter } = options
  const writeTemplate = createTemplateRollout(options)
  const jobs = createJobRerun(options)

  async function write(workload: Workload, diff: SourceDiff): Promise<RolloutOutcome> {
    const { summary } = workload
    const changed = `${describeSources(summary, diff, diff.merged.changed).join(', ')} changed`
    try {
      return await (replacesItsPods(summary) ? writeTemplate : jobs.write)(workload, diff)
    } catch (error) {
      const why = error instanceof ApiError ? `the API server answered ${error.status}` : 'no answer'
      report.event(summary, 'Warning', eventReasons.rolloutFailed, `${changed}, but ${why}`)
      throw error
    }
  }

  return {
    startedLeading: () => jobs.startedLeading(),
    stop: () => jobs.stop(),
    async rollOut(workload, diff) {
      const { key, summary } = workload
      // Before the write, because other workloads ask the limiter while it is in progress.
      limiter.acquire(key, summary.namespace, summary.podsAtOnce)
      let outcome: RolloutOutcome | undefined
      try {
        outcome = await write(workload, diff)
        return outcome
      } finally {
        const isRunning = outcome === 'done' && workloads.get(key)?.running !== undefined
        // A watch event during the write may have released it.
        if (isRunning) limiter.acquire(key, summary.namespace, summary.podsAtOnce)
        else limiter.release(key)
      }
    },
  }
}
