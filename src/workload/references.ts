/**
 * Which ConfigMaps and Secrets a Pod uses, which keys of them, and how. What follows from it is policy's business.
 * Our own containers use none: they watch for others. Other injectors' are not known here; callers leave them out.
 */
import type { V1Container, V1PodSpec, V1Volume, V1VolumeProjection } from '@kubernetes/client-node'

export interface Source {
  kind: 'ConfigMap' | 'Secret'
  name: string
}

export interface Reference extends Source {
  /** The keys in use; undefined: all of them. */
  keys?: readonly string[]
  /** Whether Pods start without it. */
  optional: boolean
  container: string
  /** An init container, a native sidecar included: it has read its files and variables before we could tell it. */
  init: boolean
  as: 'volume' | 'subPath' | 'env' | 'envFrom'
  /** The volume's name, for volume and subPath. */
  volume?: string
  mountPath?: string
}

/** One source of a volume, with the files it makes: path -> key; undefined: every key under its own name. */
interface VolumeSource extends Source {
  optional: boolean
  items?: readonly { key: string; path: string }[]
}

/** The ConfigMaps and Secrets that fill a volume; none for any other kind of volume. */
export function volumeSources(volume: V1Volume): VolumeSource[] {
  if (volume.configMap) return [source('ConfigMap', volume.configMap.name, volume.configMap)]
  if (volume.secret) return [source('Secret', volume.secret.secretName, volume.secret)]
  return (volume.projected?.sources ?? []).flatMap((projection: V1VolumeProjection) => [
    ...(projection.configMap ? [source('ConfigMap', projection.configMap.name, projection.configMap)] : []),
    ...(projection.secret ? [source('Secret', projection.secret.name, projection.secret)] : []),
  ])
}

/** Whether a volume holds what its user edits: ConfigMaps, Secrets, or what the Secrets Store CSI driver fetches. */
export const isConfigVolume = ({ configMap, secret, projected, csi }: V1Volume): boolean =>
  Boolean(configMap ?? secret) ||
  (projected?.sources ?? []).some((from) => from.configMap ?? from.secret) ||
  csi?.driver === 'secrets-store.csi.k8s.io'

function source(
  kind: Source['kind'],
  name: string | undefined,
  { optional, items }: { optional?: boolean; items?: { key: string; path: string }[] },
): VolumeSource {
  return { kind, name: name ?? '', optional: optional === true, ...(items ? { items } : {}) }
}

/** Whether hotreload added this container: in a Pod injected before, or in a template that `hotreload inject` wrote. */
export const isOurContainer = ({ name }: V1Container): boolean =>
  /^hotreload-(agent|install|link)(-|$)/.test(name)

/** ServiceAccount admission's own volume, which holds the cluster's CA in a ConfigMap and a token that rotates. */
export const isTokenVolume = (volume: V1Volume): boolean => volume.name.startsWith('kube-api-access-')

/** Every use of a ConfigMap or Secret, in the order of the Pod's init containers, then containers. */
export function references(spec: V1PodSpec): Reference[] {
  const volumes = new Map((spec.volumes ?? []).map((volume) => [volume.name, volume]))
  const of = (container: V1Container, init: boolean): Reference[] => [
    ...mounted(container, init, volumes),
    ...variables(container, init),
  ]
  return [
    ...(spec.initContainers ?? [])
      .filter((container) => !isOurContainer(container))
      .flatMap((container) => of(container, true)),
    ...(spec.containers ?? []).flatMap((container) => of(container, false)),
  ]
}

function mounted(container: V1Container, init: boolean, volumes: Map<string, V1Volume>): Reference[] {
  return (container.volumeMounts ?? []).flatMap((mount) => {
    const volume = volumes.get(mount.name)
    const partial = Boolean(mount.subPath || mount.subPathExpr)
    return (volume ? volumeSources(volume) : []).flatMap((from) => {
      const keys = mount.subPath ? keysBelow(from, mount.subPath) : from.items?.map((item) => item.key)
      if (keys?.length === 0) return []
      return {
        kind: from.kind,
        name: from.name,
        ...(keys ? { keys } : {}),
        optional: from.optional,
        container: container.name,
        init,
        as: partial ? ('subPath' as const) : ('volume' as const),
        volume: mount.name,
        mountPath: mount.mountPath,
      }
    })
  })
}

/** The keys behind `subPath` of a volume: a file is one key, a directory (of items with a path) can be several. */
function keysBelow(from: VolumeSource, subPath: string): string[] {
  const path = normalPath(subPath)
  if (!from.items) return [path]
  return from.items.filter((item) => isAtOrBelow(normalPath(item.path), path)).map((item) => item.key)
}

function variables(container: V1Container, init: boolean): Reference[] {
  const use = (
    kind: Source['kind'],
    as: 'env' | 'envFrom',
    ref: { name?: string; key?: string; optional?: boolean } | undefined,
  ): Reference[] =>
    ref
      ? [
          {
            kind,
            name: ref.name ?? '',
            ...(ref.key === undefined ? {} : { keys: [ref.key] }),
            optional: ref.optional === true,
            container: container.name,
            init,
            as,
          },
        ]
      : []
  return [
    ...(container.env ?? []).flatMap(({ valueFrom }) => [
      ...use('ConfigMap', 'env', valueFrom?.configMapKeyRef),
      ...use('Secret', 'env', valueFrom?.secretKeyRef),
    ]),
    ...(container.envFrom ?? []).flatMap((from) => [
      ...use('ConfigMap', 'envFrom', from.configMapRef),
      ...use('Secret', 'envFrom', from.secretRef),
    ]),
  ]
}

/** `./conf//nginx.conf/` is `conf/nginx.conf`, as the kubelet reads it. Absolute paths stay absolute; `.` is the empty path. */
export function normalPath(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  return (path.startsWith('/') ? '/' : '') + parts.join('/')
}

/** Whether normalized `path` is `directory` or lies in it. */
export const isAtOrBelow = (path: string, directory: string): boolean =>
  directory === '' ||
  path === directory ||
  path.startsWith(directory.endsWith('/') ? directory : `${directory}/`)

/** The directory of an absolute, normalized path. */
export const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/'
