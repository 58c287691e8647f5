/**
 * The one place that decides which volume is mounted at a subPath's place, and who fills it. The kubelet never updates a subPath mount
 * (kubernetes/kubernetes#50345), so its file is either linked to a volume that does update (symlink), rewritten in place (copy), or left.
 */
import type { V1Container, V1PodSpec, V1Volume, V1VolumeMount } from '@kubernetes/client-node'
import { isAtOrBelow, isConfigVolume, normalPath, parentOf, volumeSources } from '../workload/references.ts'
import type { Value } from './annotations.ts'

export interface SubPathMount {
  /** As the container declares it. */
  mount: V1VolumeMount
  mountPath: string
  /** Path in the volume: normalized, or a subPathExpr as it stands. */
  path: string
  isExpression: boolean
  mode: 'symlink' | 'copy' | 'keep'
  /** For keep: why, as the end of a sentence. */
  reason?: string
}

/** Whether the Pod runs as root, as far as its spec tells: an image may say so too. */
export const mayRunAsRoot = (container: V1Container, spec: V1PodSpec): boolean => {
  const user = container.securityContext?.runAsUser ?? spec.securityContext?.runAsUser
  const nonRoot = container.securityContext?.runAsNonRoot ?? spec.securityContext?.runAsNonRoot
  return user === undefined ? nonRoot !== true : user === 0
}

/** Directories of system and programs: copying one would cost megabytes, or hand the program its own code to write. */
const SYSTEM_TREES = [
  '/usr',
  '/bin',
  '/sbin',
  '/opt',
  '/var',
  '/run',
  '/tmp',
  '/home',
  '/root',
  '/srv',
  '/app',
  '/bitnami',
  '/dev',
  '/proc',
  '/sys',
]

/** `/` and `/etc` themselves hold what the runtime writes (resolv.conf, hosts); directories below /etc are fine. */
const isSystemDirectory = (path: string): boolean =>
  path === '/' ||
  path === '/etc' ||
  /^\/lib[^/]*(\/|$)/.test(path) ||
  SYSTEM_TREES.some((tree) => isAtOrBelow(path, tree))

/**
 * What becomes of every subPath and subPathExpr mount of a ConfigMap, Secret or projected volume in one container.
 * @param watched volumes by name; mounts of others are left alone
 */
export function decideSubPaths(
  container: V1Container,
  spec: V1PodSpec,
  wish: Value<'subpath'>,
  watched: ReadonlyMap<string, V1Volume>,
): SubPathMount[] {
  const decided = (container.volumeMounts ?? []).flatMap((mount) => {
    const volume = mount.subPath || mount.subPathExpr ? watched.get(mount.name) : undefined
    if (!volume) return []
    // Other kinds (PVC, emptyDir) live on: a subPath of them is the very directory, not a version of it.
    if (!isConfigVolume(volume)) return []
    const isExpression = Boolean(mount.subPathExpr)
    const base = {
      mount,
      mountPath: normalPath(mount.mountPath),
      path: isExpression ? (mount.subPathExpr ?? '') : normalPath(mount.subPath ?? ''),
      isExpression,
    }
    return { ...base, ...decideMode(base, container, spec, volume, wish) }
  })
  // A directory that is copied for one mount's sake needs no further mounts for its other files, nor places to mount them on.
  const parents = decided.filter(({ mode }) => mode === 'symlink').map(({ mountPath }) => parentOf(mountPath))
  return decided.map((one) => {
    const isInside = parents.some((parent) => isAtOrBelow(parentOf(one.mountPath), parent))
    return one.mode === 'copy' && isInside && !obstacleToLink(one, container)
      ? { ...one, mode: 'symlink' as const }
      : one
  })
}

/** Why no symlink can lie at a mount's place, as the end of a sentence; undefined: it can. */
function obstacleToLink(
  { mount, mountPath }: Pick<SubPathMount, 'mount' | 'mountPath'>,
  container: V1Container,
): string | undefined {
  const parent = parentOf(mountPath)
  if (parent === '/') return 'it lies in /'
  const inMount = (container.volumeMounts ?? []).some(
    (other) => other !== mount && isAtOrBelow(parent, normalPath(other.mountPath)),
  )
  return inMount ? 'it lies in another mount' : undefined
}

function decideMode(
  { mount, mountPath, path, isExpression }: Omit<SubPathMount, 'mode'>,
  container: V1Container,
  spec: V1PodSpec,
  volume: V1Volume,
  wish: Value<'subpath'>,
): Pick<SubPathMount, 'mode' | 'reason'> {
  const keep = (reason: string) => ({ mode: 'keep' as const, reason })
  if (wish === 'keep') return keep('hotreload.dev/subpath says keep')
  if (volume.csi) return keep('a CSI driver need not swap its files')
  if (path === '') return keep('subPath names the whole volume')
  if (!isExpression && !exists(path, volume)) return keep('the volume has no such path')
  const parent = parentOf(mountPath)
  const impossible = obstacleToLink({ mount, mountPath }, container)
  if (wish === 'symlink')
    return impossible ? keep(`no symlink can be made, ${impossible}`) : { mode: 'symlink' }
  const directory = !isExpression && isDirectory(path, volume)
  if (wish === 'copy')
    return directory ? keep('it is a directory, and only files are copied') : { mode: 'copy' }
  const exact =
    !impossible &&
    !isSystemDirectory(parent) &&
    container.resources?.limits?.['ephemeral-storage'] === undefined &&
    (container.securityContext?.readOnlyRootFilesystem === true || mayRunAsRoot(container, spec))
  if (exact || (directory && !impossible && !isSystemDirectory(parent))) return { mode: 'symlink' }
  return directory
    ? keep('it is a directory, which can be neither linked nor copied there')
    : { mode: 'copy' }
}

/** A key is a file; only `items` can make directories. */
const isDirectory = (path: string, volume: V1Volume): boolean =>
  itemPaths(volume).some((item) => item !== path && isAtOrBelow(item, path))

/** Whether a path can be in the volume: an item of that path or below it, or any key where a source has no items. */
const exists = (path: string, volume: V1Volume): boolean =>
  itemPaths(volume).some((item) => isAtOrBelow(item, path)) ||
  (volumeSources(volume).some(({ items }) => !items) && /^[-._a-zA-Z0-9]{1,253}$/.test(path))

const itemPaths = (volume: V1Volume): string[] =>
  volumeSources(volume).flatMap(({ items = [] }) => items.map((item) => normalPath(item.path)))
