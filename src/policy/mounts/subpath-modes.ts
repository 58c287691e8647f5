/**
 * Decides how each subPath mount is updated. The kubelet never updates a subPath mount (kubernetes/kubernetes#50345), so the agent either
 * links its file to a volume that does update (symlink), rewrites it in place (copy), or the mount stays as it is (keep).
 */
import type { V1Container, V1PodSpec, V1Volume, V1VolumeMount } from '@kubernetes/client-node'
import { holderOf } from '../../workload/path-search.ts'
import { hasBackstep, isAtOrBelow, normalMountPath, normalPath, parentOf } from '../../workload/references.ts'
import { mayRunAsRoot } from '../../workload/run-as-user.ts'
import { REWRITES } from '../values/bounds.ts'
import { isKey, type VolumeContent, volumeReader } from './volume-content.ts'

/** Values of the annotation `subpath`. */
export const subPathChoices = ['auto', 'symlink', 'copy', 'keep'] as const
export type SubPathChoice = (typeof subPathChoices)[number]

export interface SubPathMount {
  /** As the container declares it. Its mountPath identifies it. */
  mount: V1VolumeMount
  /** Normalized. */
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

/** One container, and the value of its annotation `subpath`. */
export interface SubPathRequest {
  container: V1Container
  spec: V1PodSpec
  /** Watched volumes by name. Mounts of other volumes stay as they are. */
  watched: ReadonlyMap<string, V1Volume>
  mode: SubPathChoice
  /** Why the mount stays as it is, as the end of a sentence; undefined: the mode decides. */
  keptBecause: (mount: V1VolumeMount) => string | undefined
}

/** Decides the mode of each subPath and subPathExpr mount of a ConfigMap, Secret or projected volume in one container. */
export function decideSubPaths(request: SubPathRequest): SubPathMount[] {
  const volumes = volumeReader(request.watched)
  const found = (request.container.volumeMounts ?? []).flatMap((mount) => {
    const volume = mount.subPath || mount.subPathExpr ? volumes(mount.name) : undefined
    if (!volume) return []
    const isExpression = Boolean(mount.subPathExpr)
    return {
      mount,
      volume,
      mountPath: normalMountPath(mount.mountPath),
      path: isExpression ? (mount.subPathExpr ?? '') : normalPath(mount.subPath ?? ''),
      isExpression,
    }
  })
  if (found.length === 0) return []
  const obstacle = obstacleToLink(request.container)
  let rewrites = 0
  const decided = found.map(({ volume, ...mount }) => {
    const choice = decideMode(mount, volume, obstacle(mount.mountPath), request)
    const isTooMany = choice.mode !== 'keep' && ++rewrites > REWRITES
    return {
      ...mount,
      ...(isTooMany ? keep(`hotreload updates ${REWRITES} of a container at most`) : choice),
    }
  })
  // A directory that is copied because of one mount needs no further mounts for its other files, nor mount points for them.
  const parents = decided.filter(({ mode }) => mode === 'symlink').map(({ mountPath }) => parentOf(mountPath))
  const isInside = holderOf(parents)
  return decided.map((one) =>
    one.mode === 'copy' && isInside(parentOf(one.mountPath)) !== undefined && !obstacle(one.mountPath)
      ? { ...one, mode: 'symlink' as const }
      : one,
  )
}

/** Why no symlink can be at a path in the container, as the end of a sentence; undefined: one can. */
function obstacleToLink({ volumeMounts = [] }: V1Container): (mountPath: string) => string | undefined {
  const mountOf = holderOf(volumeMounts.map(({ mountPath }) => normalMountPath(mountPath)))
  return (mountPath) => {
    const parent = parentOf(mountPath)
    if (parent === '/') return 'it lies in /'
    return mountOf(parent) === undefined ? undefined : 'it lies in another mount'
  }
}

const keep = (reason: string) => ({ mode: 'keep' as const, reason })

function decideMode(
  { mount, mountPath, path, isExpression }: Omit<SubPathMount, 'mode'>,
  { volume, items, hasAnyKey, rewriteObstacle }: VolumeContent,
  obstacle: string | undefined,
  { container, spec, mode, keptBecause }: SubPathRequest,
): Pick<SubPathMount, 'mode' | 'reason'> {
  const reason = keptBecause(mount)
  if (reason !== undefined) return keep(reason)
  if (mode === 'keep') return keep('hotreload.dev/subpath says keep')
  if (volume.csi) return keep('a CSI driver need not swap its files')
  // Only the image knows where it leads, if one of its directories is a symlink.
  if (hasBackstep(mount.mountPath)) return keep('its mountPath has a ..')
  // The agent's flags end a mountPath at its first colon.
  if (mount.mountPath.includes(':')) return keep('its mountPath has a colon')
  if (path === '') return keep('subPath names the whole volume')
  if (!isExpression && !items.hasAtOrBelow(path) && !(hasAnyKey && isKey(path)))
    return keep('the volume has no such path')
  const parent = parentOf(mountPath)
  const copy = () => {
    const reason = rewriteObstacle(path, mountPath)
    return reason ? keep(reason) : { mode: 'copy' as const }
  }
  if (mode === 'symlink') return obstacle ? keep(`no symlink can be made, ${obstacle}`) : { mode }
  // A key is a file; only `items` can create directories.
  const directory = !isExpression && items.hasBelow(path)
  if (mode === 'copy') return directory ? keep('it is a directory, and only files are copied') : copy()
  const isCopyExact =
    !obstacle &&
    !isSystemDirectory(parent) &&
    container.resources?.limits?.['ephemeral-storage'] === undefined &&
    (container.securityContext?.readOnlyRootFilesystem === true || mayRunAsRoot(container, spec))
  if (isCopyExact || (directory && !obstacle && !isSystemDirectory(parent))) return { mode: 'symlink' }
  return directory ? keep('it is a directory, which can be neither linked nor copied there') : copy()
}
