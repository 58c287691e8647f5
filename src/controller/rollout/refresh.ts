/** Reads one workload from the API server, where a rollout needs the whole object or found that the cached one is out of date. */
import { type Api, send } from '../../api/api.ts'
import { pathOf } from '../../api/paths.ts'
import { asObject } from '../../api/response-body.ts'
import type { ApiObject } from '../../workload/pod-template.ts'
import type { Workload, Workloads } from '../cache/workloads.ts'

/**
 * Returns the object while it is the version that the cache has. Otherwise updates the cache, which has the workload reconciled again, and
 * returns undefined. @throws ApiError; rejects as well without a response
 */
export type Refresh = (workload: Workload) => Promise<ApiObject | undefined>

export function createRefresh(api: Api, workloads: Pick<Workloads, 'put' | 'remove'>): Refresh {
  return async ({ summary }) => {
    const { kind, apiVersion } = summary
    const { status, body } = await send(api, { method: 'GET', path: pathOf(summary) }, 200, 404)
    if (status === 404) {
      workloads.remove(summary)
      return undefined
    }
    const object = { ...asObject(body), kind, apiVersion }
    if (object.metadata?.resourceVersion === summary.resourceVersion) return object
    workloads.put(object)
    return undefined
  }
}
