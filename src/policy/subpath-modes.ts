/**
 * Decides how each subPath mount is updated. The kubelet never updates a subPath mount (kubernetes/kubernetes#50345), so the agent either
 * links its file to a volume that does update (symlink), rewrites it in place (copy), or the mount stays as it is (keep).
 */
import type { V1Container, V1PodSpec, V1Volume, V1VolumeMount } from '@kubernetes/client-node'
import { isAtOrBelow, isConfigVolume, normalPath, parentOf, volumeSources } from '../workload/references.ts'
import { mayRunAsRoot } from '../workload/run-as-user.ts'
import type { Value } from './annotations.ts'

export interface SubPathMount {
  /** As the container declares it. Its mountPath identifies it. */
  mount: V1VolumeMount
  mountPath: string
  /** Path in the volume: normalized, or the text of a subPathExpr. */
  path: string
  isExpression: boolean
  mode: 'symlink' | 'copy' | 'keep'
  /** Why the mode is keep, as the end of a sentence. */
  reason?: string
}

/** Directories of the system and of programs. A copy of one would take megabytes, or let the program write its own code. */
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

/** The runtime writes into `/` and `/etc` themselves (resolv.conf, hosts); directories below /etc can be copied. */
const isSystemDirectory = (path: string): boolean =>
  path === '/' ||
  path === '/etc' ||
  /^\/lib[^/]*(\/|$)/.test(path) ||
  SYSTEM_TREES.some((tree) => isAtOrBelow(path, tree))

/** One container, and the subPath mode that its annotations ask for. */
export interface SubPathRequest {
  container: V1Container
  spec: V1PodSpec
  /** Volumes by name; mounts of others are left alone. */
  watched: ReadonlyMap<string, V1Volume>
  mode: Value<'subpath'>
}

/** Decides the mode of each subPath and subPathExpr mount of a ConfigMap, Secret or projected volume in one container. */
export function decideSubPaths(request: SubPathRequest): SubPathMount[] {
  const { container, watched } = request
  const decided = (container.volumeMounts ?? []).flatMap((mount) => {
    const volume = mount.subPath || mount.subPathExpr ? watched.get(mount.name) : undefined
    // A subPath of another kind (PVC, emptyDir) is the very directory, not a version of it, so that it needs no update.
    if (!volume || !isConfigVolume(volume)) return []
    const isExpression = Boolean(mount.subPathExpr)
    const base = {
      mount,
      mountPath: normalPath(mount.mountPath),
      path: isExpression ? (mount.subPathExpr ?? '') : normalPath(mount.subPath ?? ''),
      isExpression,
    }
    return { ...base, ...decideMode(base, volume, request) }
  })
  // A directory that is copied because of one mount needs no further mounts for its other files, nor mount points for them.
  const parents = decided.filter(({ mode }) => mode === 'symlink').map(({ mountPath }) => parentOf(mountPath))
  return decided.map((one) => {
    const isInside = parents.some((parent) => isAtOrBelow(parentOf(one.mountPath), parent))
    return one.mode === 'copy' && isInside && !obstacleToLink(one, container)
      ? { ...one, mode: 'symlink' as const }
      : one
  })
}

/** Why no symlink can be at a mount's path, as the end of a sentence; undefined: one can. */
function obstacleToLink(
  { mount, mountPath }: Pick<SubPathMount, 'mount' | 'mountPath'>,
  { volumeMounts = [] }: V1Container,
): string | undefined {
  const parent = parentOf(mountPath)
  if (parent === '/') return 'it lies in /'
  const inMount = volumeMounts.some(
    (other) => other.mountPath !== mount.mountPath && isAtOrBelow(parent, normalPath(other.mountPath)),
  )
  return inMount ? 'it lies in another mount' : undefined
}

function decideMode(
  { mount, mountPath, path, isExpression }: Omit<SubPathMount, 'mode'>,
  volume: V1Volume,
  { container, spec, mode }: SubPathRequest,
): Pick<SubPathMount, 'mode' | 'reason'> {
  const keep = (reason: string) => ({ mode: 'keep' as const, reason })
  if (mode === 'keep') return keep('hotreload.dev/subpath says keep')
  if (volume.csi) return keep('a CSI driver need not swap its files')
  if (path === '') return keep('subPath names the whole volume')
  if (!isExpression && !exists(path, volume)) return keep('the volume has no such path')
  const parent = parentOf(mountPath)
  const obstacle = obstacleToLink({ mount, mountPath }, container)
  if (mode === 'symlink') return obstacle ? keep(`no symlink can be made, ${obstacle}`) : { mode }
  const directory = !isExpression && isDirectory(path, volume)
  if (mode === 'copy') return directory ? keep('it is a directory, and only files are copied') : { mode }
  const isCopyExact =
    !obstacle &&
    !isSystemDirectory(parent) &&
    container.resources?.limits?.['ephemeral-storage'] === undefined &&
    (container.securityContext?.readOnlyRootFilesystem === true || mayRunAsRoot(container, spec))
  if (isCopyExact || (directory && !obstacle && !isSystemDirectory(parent))) return { mode: 'symlink' }
  return directory
    ? keep('it is a directory, which can be neither linked nor copied there')
    : { mode: 'copy' }
}

/** A key is a file; only `items` can create directories. */
const isDirectory = (path: string, volume: V1Volume): boolean =>
  itemPaths(volume).some((item) => item !== path && isAtOrBelow(item, path))

/** Whether the volume can have a path: an item at or below it, or any key if a source has no items. */
const exists = (path: string, volume: V1Volume): boolean =>
  itemPaths(volume).some((item) => isAtOrBelow(item, path)) ||
  (volumeSources(volume).some(({ items }) => !items) && /^[-._a-zA-Z0-9]{1,253}$/.test(path))

const itemPaths = (volume: V1Volume): string[] =>
  volumeSources(volume).flatMap(({ items = [] }) => items.map((item) => normalPath(item.path)))
