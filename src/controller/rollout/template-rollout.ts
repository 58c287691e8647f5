/** Rolls out a workload whose controller replaces its Pods when the template changes: writes checksums into it. */
import { type Api, type ApiCall, send } from '../../api/api.ts'
import { FIELD_MANAGER } from '../../api/field-manager.ts'
import { pathOf } from '../../api/paths.ts'
import { asObject } from '../../api/response-body.ts'
import type { Clock } from '../../async/clock.ts'
import type { ChangedSource } from '../../compat/request/compat-tool.ts'
import type { CompatOptions } from '../../compat/request/options.ts'
import { writeBack } from '../../compat/tools.ts'
import type { Workload, Workloads } from '../cache/workloads.ts'
import type { SourceDiff } from '../decide/source-diff.ts'
import { applyBody, type RolloutFields } from './apply.ts'
import type { Refresh } from './refresh.ts'

export interface TemplateRolloutOptions {
  api: Api
  clock: Clock
  compat: CompatOptions
  workloads: Pick<Workloads, 'put'>
  refresh: Refresh
}

/** `begun`: a Job is deleted, and not created again yet. `conflict`: the workload is another version by now, which the cache has taken in. */
export type RolloutOutcome = 'done' | 'begun' | 'conflict'

/** @throws ApiError; rejects as well without a response */
export type WriteRollout = (workload: Workload, diff: SourceDiff) => Promise<RolloutOutcome>

export function createTemplateRollout(options: TemplateRolloutOptions): WriteRollout {
  const { api, clock, compat, workloads, refresh } = options

  /** Undefined: the workload is another version by now. */
  async function fieldsOf(workload: Workload, diff: SourceDiff): Promise<RolloutFields | undefined> {
    const { summary } = workload
    const native = summary.native && diff.native.desiredChecksums
    if (!summary.compat) return { native, compat: undefined }
    const object = await refresh(workload)
    if (!object) return undefined
    const checksums = diff.compat.desiredChecksums
    const writtenBack = writeBack(summary.compat, {
      workload: object,
      changed: changedSources(diff),
      checksums,
      options: compat,
      now: clock.wall(),
    })
    return { native, compat: { checksums, writtenBack } }
  }

  return async (workload, diff) => {
    const { summary } = workload
    const fields = await fieldsOf(workload, diff)
    if (!fields) return 'conflict'
    const call: ApiCall = {
      method: 'PATCH',
      path: `${pathOf(summary)}?fieldManager=${FIELD_MANAGER}&force=true`,
      body: applyBody(summary, fields),
      contentType: 'application/apply-patch+yaml',
    }
    // 404, 409: the object is gone, or is another object or version.
    const { status, body } = await send(api, call, 200, 404, 409)
    if (status !== 200) {
      await refresh(workload)
      return 'conflict'
    }
    const { kind, apiVersion } = summary
    workloads.put({ ...asObject(body), kind, apiVersion })
    return 'done'
  }
}

const changedSources = ({ compat, sources }: SourceDiff): ChangedSource[] =>
  compat.changed.flatMap((id) => {
    const source = sources.get(id)
    return source ? [{ ...source, hash: compat.desiredChecksums.get(id) ?? '' }] : []
  })
