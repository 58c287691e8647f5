/** Runs a CronJob once, now, as Reloader does. */
import { type Api, type ApiCall, ApiError, send } from '../../api/api.ts'
import { FIELD_MANAGER } from '../../api/field-manager.ts'
import { pathOf } from '../../api/paths.ts'
import { writtenKey } from '../../policy/annotations.ts'
import type { ObjectVersion } from '../../workload/object-version.ts'
import type { ApiObject } from '../../workload/pod-template.ts'
import { jobNow } from './job-manifests.ts'

/**
 * The Job's name is derived from the checksum, so that a second attempt after a crash finds the first one's Job instead of creating another.
 * Returns the CronJob with `checksum` in its annotation; undefined: it is another object, or another version, by now.
 * @throws ApiError
 */
export async function runCronJob(
  api: Api,
  { apiVersion, kind, namespace, name, uid, resourceVersion }: ObjectVersion,
  cronJob: ApiObject,
  checksum: string,
): Promise<ApiObject | undefined> {
  const create: ApiCall = {
    method: 'POST',
    path: pathOf({ apiVersion: 'batch/v1', kind: 'Job', namespace }),
    body: jobNow(cronJob, checksum),
  }
  const created = await send(api, create, 201, 409)
  // AlreadyExists: an earlier attempt created it and crashed. A conflict at a ResourceQuota is a 409 as well.
  if (created.status === 409 && Object(created.body).reason !== 'AlreadyExists')
    throw new ApiError(create, created)
  const write: ApiCall = {
    method: 'PATCH',
    path: `${pathOf({ apiVersion, kind, namespace, name })}?fieldManager=${FIELD_MANAGER}`,
    body: { metadata: { uid, resourceVersion, annotations: { [writtenKey('checksum')]: checksum } } },
    contentType: 'application/merge-patch+json',
  }
  const { status, body } = await send(api, write, 200, 409)
  return status === 409 ? undefined : (body as ApiObject)
}
