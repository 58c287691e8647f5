/** Carries out a decided rollout: picks how the workload's kind is rolled out, and reports the outcome as an Event on the workload. */
import { ApiError } from '../../api/api.ts'
import { replacesItsPods } from '../../workload/kinds.ts'
import type { Workload } from '../cache/workloads.ts'
import { describeSources, type SourceDiff } from '../decide/source-diff.ts'
import { eventReasons, type Report } from '../report/report.ts'
import { createJobRerun, type JobRerun, type JobRerunOptions } from './job-rerun.ts'
import {
  createTemplateRollout,
  type RolloutOutcome,
  type TemplateRolloutOptions,
} from './template-rollout.ts'

export interface RolloutExecutor extends Pick<JobRerun, 'takeOver' | 'stop'> {
  /** @throws ApiError; rejects as well without a response */
  rollOut(workload: Workload, diff: SourceDiff): Promise<RolloutOutcome>
}

type Options = TemplateRolloutOptions & JobRerunOptions & { report: Pick<Report, 'event'> }

export function createRolloutExecutor(options: Options): RolloutExecutor {
  const { report } = options
  const writeTemplate = createTemplateRollout(options)
  const jobs = createJobRerun(options)

  return {
    takeOver: () => jobs.takeOver(),
    stop: () => jobs.stop(),
    async rollOut(workload, diff) {
      const { summary } = workload
      const write = replacesItsPods(summary) ? writeTemplate : jobs.write
      const changed = `${describeSources(summary, diff, diff.merged.changed).join(', ')} changed`
      try {
        const outcome = await write(workload, diff)
        if (outcome === 'done') report.event(summary, 'Normal', eventReasons.rolledOut, changed)
        return outcome
      } catch (error) {
        const why = error instanceof ApiError ? `the API server answered ${error.status}` : 'no answer'
        report.event(summary, 'Warning', eventReasons.rolloutFailed, `${changed}, but ${why}`)
        throw error
      }
    },
  }
}
