/** Does what was decided for one workload: writes the rollout, tells it, and takes the answer for the truth. */
import { type ApiCall, ApiError, send } from '../../api/api.ts'
import { FIELD_MANAGER } from '../../api/field-manager.ts'
import { pathOf } from '../../api/paths.ts'
import { createJobReplacements } from '../../compat/jobs/replace-job.ts'
import { runCronJob } from '../../compat/jobs/run-cron-job.ts'
import { resumeBody, whenToResume } from '../../compat/reloader/pause.ts'
import { type ChangedSource, writtenBack } from '../../compat/write-back.ts'
import { formatChecksums } from '../../workload/checksum.ts'
import { replacesItsPods } from '../../workload/kinds.ts'
import type { ApiObject } from '../../workload/pod-template.ts'
import { idIn } from '../../workload/sources-in-use.ts'
import type { Cache } from '../cache/cache.ts'
import type { Workload } from '../cache/workloads.ts'
import { checksumTexts } from '../decide/checksum-texts.ts'
import { type Evaluation, merged } from '../decide/evaluate.ts'
import type { ControllerOptions } from '../options.ts'
import { eventReasons } from '../report.ts'
import { apply, applyBody, type RolloutBody } from './apply.ts'
import type { RevertGuard } from './revert-guard.ts'

export interface RolloutExecutor {
  /** Ends what was begun before we led. @throws ApiError, or that there was none */
  takeOver(): Promise<void>
  /** `conflict`: it is something else by now, and will be looked at again. @throws ApiError, or that there was none */
  rollOut(workload: Workload, evaluation: Evaluation): Promise<'done' | 'conflict'>
  /** Ends a pause that Reloader began and did not live to end. Returns in how many milliseconds to ask again. */
  resume(workload: Workload): Promise<number | undefined>
  stop(): void
}

type Options = Pick<ControllerOptions, 'api' | 'clock' | 'report' | 'compat' | 'installKey'> & {
  view: Pick<Cache, 'workloads' | 'used'>
  reverts: RevertGuard
  leads: () => boolean
}

export function createRolloutExecutor(options: Options): RolloutExecutor {
  const { api, clock, report, compat, view, reverts } = options
  const { workloads } = view
  const jobs = createJobReplacements(options)

  /** The object as it is now; undefined: gone, or another one, which is then known. */
  async function live({ summary }: Workload): Promise<ApiObject | undefined> {
    const { kind, apiVersion } = summary
    const { status, body } = await send(api, { method: 'GET', path: pathOf(summary) }, 200, 404)
    if (status === 404) {
      workloads.remove(summary)
      return undefined
    }
    const object = { ...(body as ApiObject), kind, apiVersion }
    if (object.metadata?.resourceVersion === summary.resourceVersion) return object
    workloads.put(object)
    return undefined
  }

  function changedSources({ summary }: Workload, { compat: comparison }: Evaluation): ChangedSource[] {
    return view
      .used(summary)
      .compat.filter(({ use }) => comparison.changed.includes(idIn(summary.namespace, use)))
      .map(({ use: { kind, namespace, name } }) => {
        const hash = comparison.target.get(idIn(summary.namespace, { kind, namespace, name })) ?? ''
        return { kind, namespace, name, hash }
      })
  }

  async function bodyOf(workload: Workload, evaluation: Evaluation): Promise<ApiObject | undefined> {
    const { summary } = workload
    const rollout: RolloutBody = { native: summary.native && evaluation.native.target, compat: undefined }
    if (!summary.compat) return applyBody(summary, summary.resourceVersion, rollout)
    const object = await live(workload)
    if (!object) return undefined
    const { target } = evaluation.compat
    const changed = changedSources(workload, evaluation)
    const back = writtenBack(object, summary.compat, changed, target, compat, clock.now())
    return applyBody(summary, summary.resourceVersion, { ...rollout, compat: { checksum: target, back } })
  }

  async function write(workload: Workload, evaluation: Evaluation): Promise<'done' | 'conflict'> {
    const { key, summary } = workload
    const body = await bodyOf(workload, evaluation)
    if (!body) return 'conflict'
    const response = await apply(api, summary, body)
    if (response.status !== 200) {
      await live(workload)
      return 'conflict'
    }
    const { kind, apiVersion } = summary
    reverts.wrote(key, checksumTexts({ summary }, evaluation)[1])
    workloads.put({ ...(response.body as ApiObject), kind, apiVersion })
    return 'done'
  }

  async function runAgain(
    workload: Workload,
    { compat: { target } }: Evaluation,
  ): Promise<'done' | 'conflict'> {
    const { summary } = workload
    const object = await live(workload)
    if (!object) return 'conflict'
    const checksum = formatChecksums(target) ?? '{}'
    if (summary.kind === 'Job') return jobs.replace(object, checksum)
    const written = await runCronJob(api, summary, object, checksum)
    if (written) workloads.put({ ...written, kind: summary.kind, apiVersion: summary.apiVersion })
    else await live(workload)
    return written ? 'done' : 'conflict'
  }

  return {
    takeOver: () => jobs.takeOver(),
    stop: () => jobs.stop(),
    async rollOut(workload, evaluation) {
      const { summary } = workload
      const sources = merged(evaluation).changed.map((id) => id.replace('/', ' '))
      try {
        const outcome = replacesItsPods(summary)
          ? await write(workload, evaluation)
          : await runAgain(workload, evaluation)
        if (outcome === 'done') {
          const message = `${sources.join(', ')} changed`
          report.event(summary, 'Normal', eventReasons.rolledOut, message)
        }
        return outcome
      } catch (error) {
        const why = error instanceof ApiError ? `the API server answered ${error.status}` : 'no answer'
        report.event(
          summary,
          'Warning',
          eventReasons.rolloutFailed,
          `${sources.join(', ')} changed, but ${why}`,
        )
        throw error
      }
    },
    async resume(workload) {
      const { summary } = workload
      const at = whenToResume(summary.isSuspended, summary.compat)
      if (at === undefined) return undefined
      if (at > clock.now()) return at - clock.now()
      const call: ApiCall = {
        method: 'PATCH',
        path: `${pathOf(summary)}?fieldManager=${FIELD_MANAGER}`,
        body: resumeBody(summary),
        contentType: 'application/merge-patch+json',
      }
      const { status } = await send(api, call, 200, 404, 409)
      if (status !== 200) await live(workload)
      return undefined
    },
  }
}
