/** Ends a pause that another tool began, as Reloader does for its pause-period: where the tool was uninstalled meanwhile, nobody else would. */
import { type Api, type ApiCall, send } from '../../api/api.ts'
import { FIELD_MANAGER } from '../../api/field-manager.ts'
import { pathOf } from '../../api/paths.ts'
import type { Clock } from '../../async/clock.ts'
import type { Workload } from '../cache/workloads.ts'
import type { Refresh } from './refresh.ts'

export interface ToolPauseOptions {
  api: Api
  clock: Clock
  refresh: Refresh
}

/**
 * Resumes the workload if its pause is over. Returns in how many milliseconds it will be; undefined: nothing is left to do.
 * @throws ApiError; rejects as well without a response
 */
export async function endToolPause(
  workload: Workload,
  { api, clock, refresh }: ToolPauseOptions,
): Promise<number | undefined> {
  const { summary } = workload
  const { resume } = summary.compat ?? {}
  if (!resume) return undefined
  const wait = resume.at - clock.wall()
  if (wait > 0) return wait
  const call: ApiCall = {
    method: 'PATCH',
    path: `${pathOf(summary)}?fieldManager=${FIELD_MANAGER}`,
    body: {
      metadata: { resourceVersion: summary.resourceVersion, annotations: { [resume.annotation]: null } },
      spec: { paused: false },
    },
    contentType: 'application/merge-patch+json',
  }
  const { status } = await send(api, call, 200, 404, 409)
  if (status !== 200) await refresh(workload)
  return undefined
}
