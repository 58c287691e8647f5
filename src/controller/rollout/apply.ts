/** The body of a rollout: server-side apply of a few fields under our own field manager, on exactly the version that was reconciled. Pure. */
import type { WrittenFields } from '../../compat/tools.ts'
import { writtenKey } from '../../policy/annotations.ts'
import { formatChecksums } from '../../workload/checksum.ts'
import type { ApiObject } from '../../workload/pod-template.ts'
import type { WorkloadSummary } from '../decide/workload-summary.ts'

const CHECKSUM = writtenKey('checksum')

export interface RolloutFields {
  /** For the template's checksum annotation; undefined where `hotreload.dev/inject` requests nothing. */
  native: ReadonlyMap<string, string> | undefined
  /** For other tools' annotations; undefined where they request nothing. */
  compat: { checksums: ReadonlyMap<string, string>; writtenBack: WrittenFields } | undefined
}

/** Each apply holds all fields that we own, because the API server removes an owned field that is missing. */
export function applyBody(summary: WorkloadSummary, { native, compat }: RolloutFields): ApiObject {
  const annotations = (checksums: ReadonlyMap<string, string> | undefined, others = {}) => {
    const text = checksums && formatChecksums(checksums)
    return { ...(text === undefined ? {} : { [CHECKSUM]: text }), ...others }
  }
  const metadata = annotations(compat?.checksums, compat?.writtenBack.metadata)
  const template = annotations(native, compat?.writtenBack.template)
  const containers = compat?.writtenBack.containers ?? []
  const { apiVersion, kind, name, namespace, uid, resourceVersion } = summary
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
      ...compat?.writtenBack.spec,
      template: {
        ...(Object.keys(template).length > 0 ? { metadata: { annotations: template } } : {}),
        ...(containers.length > 0 ? { spec: { containers } } : {}),
      },
    },
  }
}
