/** Reads one source: a ConfigMap, a Secret, or what the Secrets Store CSI driver mounted for a SecretProviderClass. */
import type { Api } from '../../api/api.ts'
import { readObject } from '../../api/config-reader.ts'
import type { SourceMarks } from '../../compat/request/reload-request.ts'
import { isPaused, sharedWith } from '../../policy/annotations.ts'
import { isLegalName } from '../../workload/object-name.ts'
import type { ApiObject } from '../../workload/pod-template.ts'
import { type ConfigContent, contentOf, type Unreadable } from '../../workload/source-content.ts'
import type { SourceRef } from '../../workload/sources-in-use.ts'
import { classPath, mountedVersions, type PodStatus, podStatusesPathIn } from './csi-statuses.ts'

/** A source as one read found it. */
export interface SourceReading {
  content: ConfigContent | Unreadable
  /** The object's resourceVersion; empty without an object. */
  version: string
  marks: SourceMarks
  /** `hotreload.dev/pause` */
  isPaused: boolean
  /** `hotreload.dev/share-with` */
  sharedWith: ReadonlySet<string>
}

/** Milliseconds for one object. */
const READ_TIMEOUT = 5_000

/** The reads never reject. */
export function createSourceReader(
  api: Pick<Api, 'call'>,
  marksOf: (object: ApiObject) => SourceMarks,
): (source: SourceRef) => Promise<SourceReading> {
  const get = (path: string) => readObject(api, { path, timeoutMilliseconds: READ_TIMEOUT })
  const reading = (object: ApiObject, content: ConfigContent | Unreadable): SourceReading => ({
    content,
    version: object.metadata?.resourceVersion ?? '',
    marks: marksOf(object),
    isPaused: isPaused(object.metadata?.annotations),
    sharedWith: sharedWith(object.metadata?.annotations),
  })

  return async (source) => {
    const { kind, namespace, name } = source
    if (!isLegalName(namespace) || !isLegalName(name)) return unreadable('absent')
    if (kind !== 'SecretProviderClass') {
      const plural = kind === 'ConfigMap' ? 'configmaps' : 'secrets'
      const object = await get(`/api/v1/namespaces/${namespace}/${plural}/${name}`)
      return typeof object === 'string' ? unreadable(object) : reading(object, contentOf(kind, object))
    }
    const [providerClass, statuses] = await Promise.all([
      get(classPath(source)),
      get(podStatusesPathIn(namespace)),
    ])
    if (typeof providerClass === 'string') return unreadable(providerClass)
    if (typeof statuses === 'string') return unreadable(statuses)
    const { items = [] } = statuses as { items?: PodStatus[] }
    // The content follows from the statuses, so the class's own version says nothing about it.
    return { ...reading(providerClass, mountedVersions(items, name)), version: '' }
  }
}

const unreadable = (content: Unreadable): SourceReading => ({
  content,
  version: '',
  marks: { ignored: false, match: false },
  isPaused: false,
  sharedWith: new Set(),
})
