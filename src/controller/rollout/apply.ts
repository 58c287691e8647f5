/** What a rollout writes: server-side apply of a few fields under our own name, on exactly the object that was decided on. The body is pure. */

import { type Api, type ApiCall, type ApiResponse, send } from '../../api/api.ts'
import { FIELD_MANAGER } from '../../api/field-manager.ts'
import { pathOf } from '../../api/paths.ts'
import type { WrittenBack } from '../../compat/write-back.ts'
import { writtenKey } from '../../policy/annotations.ts'
import { formatChecksums } from '../../workload/checksum.ts'
import type { ApiObject } from '../../workload/pod-template.ts'
import type { WorkloadSummary } from '../decide/workload-summary.ts'

const CHECKSUM = writtenKey('checksum')

export interface RolloutBody {
  /** The template's checksum; undefined where `hotreload.dev/inject` has no part in it. */
  native: ReadonlyMap<string, string> | undefined
  /** What other tools' annotations want written; undefined where there are none. */
  compat: { checksum: ReadonlyMap<string, string>; back: WrittenBack } | undefined
}

/**
 * All fields that we own must be in each apply, or the API server takes them away.
 * @param resourceVersion the object as it was when the rollout was decided on
 */
export function applyBody(
  summary: WorkloadSummary,
  resourceVersion: string,
  { native, compat }: RolloutBody,
): ApiObject {
  const checksum = native && formatChecksums(native)
  const compatChecksums = compat && formatChecksums(compat.checksum)
  const metadata = {
    ...(compatChecksums === undefined ? {} : { [CHECKSUM]: compatChecksums }),
    ...compat?.back.metadata,
  }
  const template = { ...(checksum === undefined ? {} : { [CHECKSUM]: checksum }), ...compat?.back.template }
  const containers = compat?.back.containers ?? []
  const { apiVersion, kind, name, namespace, uid } = summary
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      namespace,
      uid,
      resourceVersion,
      ...(Object.keys(metadata).length > 0 ? { annotations: metadata } : {}),
    },
    spec: {
      ...compat?.back.spec,
      template: {
        ...(Object.keys(template).length > 0 ? { metadata: { annotations: template } } : {}),
        ...(containers.length > 0 ? { spec: { containers } } : {}),
      },
    },
  }
}

/** 200: done, and the body is the object now. 404, 409: it is gone, another object by now, or another version of it. @throws ApiError */
export function apply(api: Api, summary: WorkloadSummary, body: ApiObject): Promise<ApiResponse> {
  const call: ApiCall = {
    method: 'PATCH',
    path: `${pathOf(summary)}?fieldManager=${FIELD_MANAGER}&force=true`,
    body,
    contentType: 'application/apply-patch+yaml',
  }
  return send(api, call, 200, 404, 409)
}
