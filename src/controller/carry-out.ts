/** Does what was decided for one workload: writes the rollout, tells it, and takes the answer for the truth. */
import { type ApiCall, send, UnexpectedAnswer } from './api.ts'
import type { ClusterView } from './cluster-view.ts'
import { resumeBody, whenToResume } from './compat/pause.ts'
import { createJobReplacements } from './compat/replace-job.ts'
import { runCronJob } from './compat/run-cron-job.ts'
import { type ChangedSource, writtenBack } from './compat/write-back.ts'
import type { ControllerOptions } from './controller-options.ts'
import { type Evaluation, merged } from './evaluation.ts'
import type { Fights } from './fights.ts'
import { eventReasons } from './report.ts'
import { FIELD_MANAGER } from './field-manager.ts'
import { apply, applyBody, type RolloutBody } from './rollout.ts'
import { rollingKinds } from './rollout-progress.ts'
import { idIn } from './sources-in-use.ts'
import { stampTexts } from './stamp-texts.ts'
import { pathOf } from './workload-kinds.ts'
import type { Workload } from './workloads.ts'
import { formatChecksums } from '../workload/checksum.ts'
import type { ApiObject } from '../workload/pod-template.ts'

export interface CarryOut {
  /** Ends what was begun before we led. @throws UnexpectedAnswer, or that there was none */
  takeOver(): Promise<void>
  /** `conflict`: it is something else by now, and will be looked at again. @throws UnexpectedAnswer, or that there was none */
  rollOut(workload: Workload, evaluation: Evaluation): Promise<'done' | 'conflict'>
  /** Ends a pause that Reloader began and did not live to end. Returns in how many milliseconds to ask again. */
  resume(workload: Workload): Promise<number | undefined>
  stop(): void
}

type Options = Pick<ControllerOptions, 'api' | 'clock' | 'report' | 'compat' | 'installKey'> & {
  view: Pick<ClusterView, 'workloads' | 'used'>
  fights: Fights
  leads: () => boolean
}

export function createCarryOut(options: Options): CarryOut {
  const { api, clock, report, compat, view, fights } = options
  const { workloads } = view
  const jobs = createJobReplacements(options)

  /** The object as it is now; undefined: gone, or another one, which is then known. */
  async function live({ facts }: Workload): Promise<ApiObject | undefined> {
    const { kind, apiVersion, namespace, name } = facts
    const { status, body } = await send(api, { method: 'GET', path: pathOf(facts) }, 200, 404)
    if (status === 404) {
      workloads.remove(kind, namespace, name)
      return undefined
    }
    const object = { ...(body as ApiObject), kind, apiVersion }
    if (object.metadata?.resourceVersion === facts.resourceVersion) return object
    workloads.put(object)
    return undefined
  }

  function changedSources({ facts }: Workload, { compat: comparison }: Evaluation): ChangedSource[] {
    return view
      .used(facts)
      .compat.filter(({ use }) => comparison.changed.includes(idIn(facts.namespace, use)))
      .map(({ use: { kind, namespace, name } }) => {
        const hash = comparison.target.get(idIn(facts.namespace, { kind, namespace, name })) ?? ''
        return { kind, namespace, name, hash }
      })
  }

  async function bodyOf(workload: Workload, evaluation: Evaluation): Promise<ApiObject | undefined> {
    const { facts } = workload
    const rollout: RolloutBody = { native: facts.native && evaluation.native.target, compat: undefined }
    if (!facts.compat) return applyBody(facts, facts.resourceVersion, rollout)
    const object = await live(workload)
    if (!object) return undefined
    const { target } = evaluation.compat
    const changed = changedSources(workload, evaluation)
    const back = writtenBack(object, facts.compat, changed, target, compat, clock.now())
    return applyBody(facts, facts.resourceVersion, { ...rollout, compat: { stamp: target, back } })
  }

  async function write(workload: Workload, evaluation: Evaluation): Promise<'done' | 'conflict'> {
    const { key, facts } = workload
    const body = await bodyOf(workload, evaluation)
    if (!body) return 'conflict'
    const response = await apply(api, facts, body)
    if (response.status !== 200) {
      await live(workload)
      return 'conflict'
    }
    const { kind, apiVersion } = facts
    fights.wrote(key, stampTexts({ facts }, evaluation)[1])
    workloads.put({ ...(response.body as ApiObject), kind, apiVersion })
    return 'done'
  }

  async function runAgain(
    workload: Workload,
    { compat: { target } }: Evaluation,
  ): Promise<'done' | 'conflict'> {
    const { facts } = workload
    const object = await live(workload)
    if (!object) return 'conflict'
    const stamp = formatChecksums(target) ?? '{}'
    if (facts.kind === 'Job') return jobs.replace(object, stamp)
    const written = await runCronJob(api, facts, object, stamp)
    if (written) workloads.put({ ...written, kind: facts.kind, apiVersion: facts.apiVersion })
    else await live(workload)
    return written ? 'done' : 'conflict'
  }

  return {
    takeOver: () => jobs.takeOver(),
    stop: () => jobs.stop(),
    async rollOut(workload, evaluation) {
      const { facts } = workload
      const sources = merged(evaluation).changed.map((id) => id.replace('/', ' '))
      try {
        const outcome = rollingKinds.has(facts.kind)
          ? await write(workload, evaluation)
          : await runAgain(workload, evaluation)
        if (outcome === 'done') {
          const message = `${sources.join(', ')} changed`
          report.event(facts, 'Normal', eventReasons.rolledOut, message)
        }
        return outcome
      } catch (error) {
        const why =
          error instanceof UnexpectedAnswer ? `the API server answered ${error.status}` : 'no answer'
        report.event(
          facts,
          'Warning',
          eventReasons.rolloutFailed,
          `${sources.join(', ')} changed, but ${why}`,
        )
        throw error
      }
    },
    async resume(workload) {
      const { facts } = workload
      const at = whenToResume(facts)
      if (at === undefined) return undefined
      if (at > clock.now()) return at - clock.now()
      const call: ApiCall = {
        method: 'PATCH',
        path: `${pathOf(facts)}?fieldManager=${FIELD_MANAGER}`,
        body: resumeBody(facts),
        contentType: 'application/merge-patch+json',
      }
      const { status } = await send(api, call, 200, 404, 409)
      if (status !== 200) await live(workload)
      return undefined
    },
  }
}
