/** Rolls out a Job or CronJob as Reloader does: replaces the Job, or runs the CronJob once, now. */
import { createJobReplacements } from '../../compat/jobs/replace-job.ts'
import { runCronJob } from '../../compat/jobs/run-cron-job.ts'
import { describeError } from '../../errors.ts'
import { formatChecksums } from '../../workload/checksum.ts'
import { workloadKindOf } from '../../workload/kinds.ts'
import type { Workloads } from '../cache/workloads.ts'
import type { Refresh } from './refresh.ts'
import type { WriteRollout } from './template-rollout.ts'

export interface JobRerun {
  write: WriteRollout
  /** Recreates the Jobs that the last leader deleted and did not recreate. */
  startedLeading(): void
  stop(): void
}

export type JobRerunOptions = Parameters<typeof createJobReplacements>[0] & {
  workloads: Pick<Workloads, 'put'>
  refresh: Refresh
}

/** Milliseconds. */
const RETRY_READING = 5_000

export function createJobRerun(options: JobRerunOptions): JobRerun {
  const { api, clock, report, isLeading, workloads, refresh } = options
  const replacements = createJobReplacements(options)

  /** Tries until it succeeds: it fails until the install key is available. */
  function startedLeading(): void {
    if (!isLeading()) return
    replacements.takeOver().catch((error: unknown) => {
      report.log('error', 'records of deleted Jobs not read; trying again', {
        ...describeError(error),
      })
      clock.after(RETRY_READING, startedLeading)
    })
  }

  return {
    startedLeading,
    stop: () => replacements.stop(),
    async write(workload, { compat }) {
      const { summary } = workload
      const object = await refresh(workload)
      if (!object) return 'conflict'
      const checksums = formatChecksums(compat.desiredChecksums) ?? '{}'
      if (workloadKindOf(summary)?.runs === 'once') return replacements.replace(object, checksums)
      const written = await runCronJob(api, summary, object, checksums)
      if (written) workloads.put({ ...written, kind: summary.kind, apiVersion: summary.apiVersion })
      else await refresh(workload)
      return written ? 'done' : 'conflict'
    },
  }
}
