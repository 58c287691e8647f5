/** Rolls out a Job or CronJob as Reloader does: replaces the Job, or runs the CronJob once, now. */
import type { Api } from '../../api/api.ts'
import { createJobReplacements, type JobReplacements } from '../../compat/jobs/replace-job.ts'
import { runCronJob } from '../../compat/jobs/run-cron-job.ts'
import { formatChecksums } from '../../workload/checksum.ts'
import type { Workloads } from '../cache/workloads.ts'
import type { Refresh } from './refresh.ts'
import type { WriteRollout } from './template-rollout.ts'

export interface JobRerun extends Pick<JobReplacements, 'takeOver' | 'stop'> {
  write: WriteRollout
}

export type JobRerunOptions = Parameters<typeof createJobReplacements>[0] & {
  api: Api
  workloads: Pick<Workloads, 'put'>
  refresh: Refresh
}

export function createJobRerun({ workloads, refresh, ...options }: JobRerunOptions): JobRerun {
  const replacements = createJobReplacements(options)
  return {
    takeOver: () => replacements.takeOver(),
    stop: () => replacements.stop(),
    async write(workload, { compat }) {
      const { summary } = workload
      const object = await refresh(workload)
      if (!object) return 'conflict'
      const checksums = formatChecksums(compat.desiredChecksums) ?? '{}'
      if (summary.kind === 'Job') return replacements.replace(object, checksums)
      const written = await runCronJob(options.api, summary, object, checksums)
      if (written) workloads.put({ ...written, kind: summary.kind, apiVersion: summary.apiVersion })
      else await refresh(workload)
      return written ? 'done' : 'conflict'
    },
  }
}
