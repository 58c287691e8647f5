/** One look at a ConfigMap, a Secret, or what the Secrets Store CSI driver fetched through a SecretProviderClass. */

import type { Api } from '../../api/api.ts'
import { readObject } from '../../api/config-reader.ts'
import type { SourceMarks } from '../../compat/reload-request.ts'
import { isPaused } from '../../policy/annotations.ts'
import { isLegalName } from '../../workload/object-name.ts'
import type { ApiObject } from '../../workload/pod-template.ts'
import { type ConfigContent, contentOf, type Unreadable } from '../../workload/source-content.ts'
import type { SourceRef } from '../../workload/sources-in-use.ts'
import type { SourceReading } from './sources.ts'

const CSI = '/apis/secrets-store.csi.x-k8s.io/v1'

/** One for each Pod and class, written by the driver whenever it fetched a new version. */
export const podStatuses = `${CSI}/secretproviderclasspodstatuses`

export interface PodStatus extends ApiObject {
  status?: { secretProviderClassName?: string; objects?: { id?: string; version?: string }[] }
}

/** Milliseconds: one object, by name. */
const READ_TIMEOUT = 5_000

/** Reads never reject. */
export function createSourceReader(
  api: Api,
  marksOf: (object: ApiObject) => SourceMarks,
): (source: SourceRef) => Promise<SourceReading> {
  const get = (path: string) => readObject(api, { path, timeoutMilliseconds: READ_TIMEOUT })
  const reading = (object: ApiObject, content: ConfigContent | Unreadable): SourceReading => ({
    content,
    version: object.metadata?.resourceVersion ?? '',
    marks: marksOf(object),
    isPaused: isPaused(object.metadata?.annotations),
  })
  const nothing = (why: Unreadable): SourceReading => ({
    content: why,
    version: '',
    marks: { ignored: false, match: false },
    isPaused: false,
  })

  return async ({ kind, namespace, name }) => {
    if (!isLegalName(namespace) || !isLegalName(name)) return nothing('absent')
    if (kind !== 'SecretProviderClass') {
      const plural = kind === 'ConfigMap' ? 'configmaps' : 'secrets'
      const found = await get(`/api/v1/namespaces/${namespace}/${plural}/${name}`)
      return typeof found === 'string' ? nothing(found) : reading(found, contentOf(kind, found))
    }
    const [providerClass, statuses] = await Promise.all([
      get(`${CSI}/namespaces/${namespace}/secretproviderclasses/${name}`),
      get(`${CSI}/namespaces/${namespace}/secretproviderclasspodstatuses`),
    ])
    if (typeof providerClass === 'string') return nothing(providerClass)
    if (typeof statuses === 'string') return nothing(statuses)
    const { items = [] } = statuses as { items?: PodStatus[] }
    const content = fetched(items, name)
    // Told by the statuses, not by the class: never the same version as the last one's.
    return { ...reading(providerClass, content), version: '' }
  }
}

/**
 * The newest status of any Pod: when a version is fetched anew, Pod after Pod says so, and all of them say the same in the end.
 * None yet is no content: a first one is no change.
 */
export function fetched(statuses: readonly PodStatus[], providerClass: string): ConfigContent | 'absent' {
  const [newest] = statuses
    .filter(({ status }) => status?.secretProviderClassName === providerClass && status.objects?.length)
    .toSorted((a, b) => Number(b.metadata?.resourceVersion) - Number(a.metadata?.resourceVersion))
  if (!newest) return 'absent'
  const versions = (newest.status?.objects ?? []).map(({ id = '', version = '' }) => [id, version] as const)
  return { data: Object.fromEntries(versions), binaryData: {}, immutable: false }
}
