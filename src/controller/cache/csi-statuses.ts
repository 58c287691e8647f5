/**
 * What the Secrets Store CSI driver has mounted: its objects SecretProviderClassPodStatus, one for each Pod and SecretProviderClass. The driver
 * updates one whenever it fetches a new version. They hold versions, never contents.
 */
import type { Listener } from '../../api/api.ts'
import type { ApiObject } from '../../workload/pod-template.ts'
import type { ConfigContent } from '../../workload/source-content.ts'
import type { SourceRef } from '../../workload/sources-in-use.ts'

const GROUP = '/apis/secrets-store.csi.x-k8s.io/v1'

export const podStatusesPath = `${GROUP}/secretproviderclasspodstatuses`

export const classPath = ({ namespace, name }: SourceRef): string =>
  `${GROUP}/namespaces/${namespace}/secretproviderclasses/${name}`

export const podStatusesPathIn = (namespace: string): string =>
  `${GROUP}/namespaces/${namespace}/secretproviderclasspodstatuses`

export interface PodStatus extends ApiObject {
  status?: { secretProviderClassName?: string; objects?: { id?: string; version?: string }[] }
}

/**
 * The versions in the newest status of any Pod. When the driver fetches a new version, it updates the Pods' statuses one after the other, and
 * in the end all of them agree. Absent before the first status, so that the first version is no change.
 */
export function mountedVersions(
  statuses: readonly PodStatus[],
  providerClass: string,
): ConfigContent | 'absent' {
  const [newest] = statuses
    .filter(({ status }) => status?.secretProviderClassName === providerClass && status.objects?.length)
    .toSorted((a, b) => Number(b.metadata?.resourceVersion) - Number(a.metadata?.resourceVersion))
  if (!newest) return 'absent'
  const versions = (newest.status?.objects ?? []).map(({ id = '', version = '' }) => [id, version] as const)
  return { data: Object.fromEntries(versions), binaryData: {}, immutable: false }
}

/** @param onChange receives the SecretProviderClass of a changed status, and the status's resourceVersion */
export const podStatusListener = (
  onChange: (source: SourceRef, version: string | undefined) => void,
): Listener => ({
  changed({ metadata, status }: PodStatus) {
    const name = status?.secretProviderClassName
    const { namespace = '', resourceVersion } = metadata ?? {}
    if (name !== undefined) onChange({ kind: 'SecretProviderClass', namespace, name }, resourceVersion)
  },
  removed() {},
  listed() {},
  refused() {},
})
