/**
 * Which ConfigMaps and Secrets a Pod uses, with which keys, and how. policy/ decides what follows. Pure.
 * Our own containers count as users of none: they watch for other containers. Callers leave out the containers of other injectors.
 */
import type {
  V1Container,
  V1KeyToPath,
  V1PodSpec,
  V1Volume,
  V1VolumeMount,
  V1VolumeProjection,
} from '@kubernetes/client-node'

export interface Source {
  kind: 'ConfigMap' | 'Secret'
  name: string
}

export interface Reference extends Source {
  /** The used keys; undefined: all keys. */
  keys?: readonly string[]
  /** Whether Pods start if the source does not exist. */
  optional: boolean
  container: string
  /** Of an init container, native sidecars included: it has read its files and variables before an agent runs. */
  init: boolean
  as: 'volume' | 'subPath' | 'env' | 'envFrom'
  /** The volume's name, for volume and subPath. */
  volume?: string
  mountPath?: string
}

/** One source of a volume. `items` maps its keys to paths; undefined: each key is a file of the same name. */
interface VolumeSource extends Source {
  optional: boolean
  items?: readonly V1KeyToPath[]
}

/** The ConfigMaps and Secrets of a volume; empty for any other kind of volume. */
export function volumeSources(volume: V1Volume): VolumeSource[] {
  if (volume.configMap) return [source('ConfigMap', volume.configMap.name, volume.configMap)]
  if (volume.secret) return [source('Secret', volume.secret.secretName, volume.secret)]
  return (volume.projected?.sources ?? []).flatMap((projection: V1VolumeProjection) => [
    ...(projection.configMap ? [source('ConfigMap', projection.configMap.name, projection.configMap)] : []),
    ...(projection.secret ? [source('Secret', projection.secret.name, projection.secret)] : []),
  ])
}

/** Whether a volume holds configuration: ConfigMaps, Secrets, or the files that the Secrets Store CSI driver fetches. */
export const isConfigVolume = ({ configMap, secret, projected, csi }: V1Volume): boolean =>
  Boolean(configMap ?? secret) ||
  (projected?.sources ?? []).some((from) => from.configMap ?? from.secret) ||
  csi?.driver === 'secrets-store.csi.k8s.io'

function source(
  kind: Source['kind'],
  name: string | undefined,
  { optional, items }: { optional?: boolean; items?: V1KeyToPath[] },
): VolumeSource {
  // For the kubelet an empty list is none: charts write `items: []`.
  return { kind, name: name ?? '', optional: optional === true, ...(items?.length ? { items } : {}) }
}

/** Whether hotreload added this container, to an injected Pod or to a template that `hotreload inject` wrote. */
export const isOurContainer = ({ name }: V1Container): boolean =>
  /^hotreload-(agent|gate|install|link)(-|$)/.test(name)

/** Whether the Pod was injected before, by the webhook or by hand with `hotreload inject`. */
export const isInjected = ({ spec }: { spec?: V1PodSpec }): boolean =>
  (spec?.initContainers ?? []).some(isOurContainer)

/**
 * Whether the volume is the ServiceAccount's: a token that rotates, and the cluster's CA in a ConfigMap. Admission adds one of this name, and
 * charts write their own.
 */
export function isTokenVolume({ name, projected }: V1Volume): boolean {
  if (name.startsWith('kube-api-access-')) return true
  const sources = projected?.sources ?? []
  return (
    hasToken(projected) &&
    sources.every((from) => !from.secret && (from.configMap?.name ?? CLUSTER_CA) === CLUSTER_CA)
  )
}

/** The controller manager publishes it in each namespace. */
const CLUSTER_CA = 'kube-root-ca.crt'

const hasToken = (projected: V1Volume['projected']): boolean =>
  (projected?.sources ?? []).some(({ serviceAccountToken }) => serviceAccountToken)

/** Tells whether a source in this volume belongs to the ServiceAccount. The volume may hold others, too; it is read once. */
export function ofServiceAccount(volume: V1Volume): (source: Source) => boolean {
  const [isAll, holdsToken] = [isTokenVolume(volume), hasToken(volume.projected)]
  return ({ kind, name }) => isAll || (holdsToken && kind === 'ConfigMap' && name === CLUSTER_CA)
}

/**
 * How many parts of volumes, over all mounts of a Pod, references() reads: a manifest of 3 MiB can hold 30,000 mounts of a volume with 30,000
 * items. A Pod of people has some hundred.
 */
export const MOUNTED_PARTS = 50_000

/** The number of a volume's sources and their items. */
export function volumeSize({ configMap, secret, projected }: V1Volume): number {
  let size = sizeOf(configMap) + sizeOf(secret)
  for (const from of projected?.sources ?? [])
    size += 1 + sizeOf(from.configMap) + sizeOf(from.secret) + sizeOf(from.downwardAPI)
  return size
}

const sizeOf = (source: { items?: unknown[] } | undefined): number =>
  source ? 1 + (source.items?.length ?? 0) : 0

/** Whether references() leaves out some mounts. */
export function exceedsMountedParts({ initContainers, containers, volumes = [] }: V1PodSpec): boolean {
  let parts = 0
  for (const volume of volumes) parts += volumeSize(volume)
  const all = [initContainers ?? [], containers ?? []]
  let mounts = 0
  for (const list of all) for (const { volumeMounts } of list) mounts += volumeMounts?.length ?? 0
  // This is all that admission has time for: an ordinary Pod is far from the bound, wherever its mounts lead.
  if (mounts * parts <= MOUNTED_PARTS) return false
  const isWithin = mountCounter(volumes)
  return all.flat().some(({ volumeMounts = [] }) => volumeMounts.some((mount) => !isWithin(mount)))
}

/** Tells, mount by mount, whether all mounts so far are within MOUNTED_PARTS. */
function mountCounter(volumes: readonly V1Volume[] = []): (mount: V1VolumeMount) => boolean {
  const sizes = new Map(volumes.map((volume) => [volume.name, volumeSize(volume)]))
  let parts = 0
  return ({ name }) => {
    parts += sizes.get(name) ?? 0
    return parts <= MOUNTED_PARTS
  }
}

/**
 * Every use of a ConfigMap or Secret: those of the init containers first, then those of the containers. Mounts beyond MOUNTED_PARTS are left
 * out.
 */
export function references(spec: V1PodSpec): Reference[] {
  const volumes = new Map((spec.volumes ?? []).map((volume) => [volume.name, volume]))
  const isWithin = mountCounter(spec.volumes)
  const of = (container: V1Container, init: boolean): Reference[] => [
    ...mounted(container, (container.volumeMounts ?? []).filter(isWithin), init, volumes),
    ...variables(container, init),
  ]
  return [
    ...(spec.initContainers ?? [])
      .filter((container) => !isOurContainer(container))
      .flatMap((container) => of(container, true)),
    ...(spec.containers ?? []).flatMap((container) => of(container, false)),
  ]
}

function mounted(
  container: V1Container,
  mounts: readonly V1VolumeMount[],
  init: boolean,
  volumes: Map<string, V1Volume>,
): Reference[] {
  return mounts.flatMap((mount) => {
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

/** The keys behind a volume's `subPath`: a file is one key, a directory (of items with a path) can be several. */
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

/** Characters of a path, one less than PATH_MAX of the kernel. No mount and no file can have a longer one. */
const PATH_LENGTH = 4095

/**
 * Normalizes a path as the kubelet does: `./conf//nginx.conf/` is `conf/nginx.conf`, and `.` is the empty path. Absolute paths stay absolute.
 * A path that is too long to exist stays as it is.
 */
export function normalPath(path: string): string {
  // Nearly all paths are normal, and a manifest can have thousands.
  if (path.length > PATH_LENGTH || !/\/\/|(^|\/)\.(\/|$)|.\/$/s.test(path)) return path
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  return (path.startsWith('/') ? '/' : '') + parts.join('/')
}

/** The path at which a mount is in its container: the kubelet takes a relative one as of `/`. A `..` is resolved as if nothing were a symlink. */
export function normalMountPath(mountPath: string): string {
  const path = normalPath(mountPath.startsWith('/') ? mountPath : `/${mountPath}`)
  if (!hasBackstep(path)) return path
  const parts: string[] = []
  for (const part of path.split('/').slice(1))
    if (part === '..') parts.pop()
    else parts.push(part)
  return `/${parts.join('/')}`
}

export const hasBackstep = (path: string): boolean => /(^|\/)\.\.(\/|$)/.test(path)

/** Whether the normalized `path` is `directory` or lies in it. */
export const isAtOrBelow = (path: string, directory: string): boolean =>
  directory === '' ||
  path === directory ||
  path.startsWith(directory.endsWith('/') ? directory : `${directory}/`)

/** The parent directory of an absolute, normalized path. */
export const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/'
