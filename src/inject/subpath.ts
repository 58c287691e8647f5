/** Replaces subPath mounts of ConfigMaps and Secrets by mounts whose files the agent can update. */
import type { V1PodSpec, V1Volume, V1VolumeMount } from '@kubernetes/client-node'
import type { SubPathMount } from '../policy/mounts/subpath-modes.ts'
import type { ContainerPlan } from '../policy/plan.ts'
import { holderOf, outermost } from '../workload/path-search.ts'
import { normalMountPath, parentOf } from '../workload/references.ts'
import { emptyDir, paths } from './agent-flags.ts'
import { nameFor } from './names.ts'
import type { WatchedVolume } from './watched-volumes.ts'

export interface Rewrite {
  /** The new mounts of the app's container. */
  volumeMounts: V1VolumeMount[]
  /** Volumes that these mounts need. */
  volumes: V1Volume[]
  /** Directories that become copies of the image's own, with symlinks in them. */
  parents: string[]
  /** Mounts through which the agent and the init container see the same files as the app. */
  ownMounts: V1VolumeMount[]
  /** The app's mounts below `parents`, for which the init container creates mount points. */
  below: V1VolumeMount[]
}

/** Undefined if the container has no subPath mount to replace. */
export function rewriteSubPaths(plan: ContainerPlan, watched: readonly WatchedVolume[]): Rewrite | undefined {
  const { container, subPaths } = plan
  const links = subPaths.filter(({ mode }) => mode === 'symlink')
  const copies = subPaths.filter(({ mode }) => mode === 'copy')
  if (links.length + copies.length === 0) return undefined

  const directories = nameFor('hotreload-dir', container.name)
  const files = nameFor('hotreload-copy', container.name)
  const parents = outermost(links.map(({ mountPath }) => parentOf(mountPath))).toSorted()
  const parentHolding = holderOf(parents)
  const byPath = new Map([...links, ...copies].map((one) => [one.mount.mountPath, one]))
  const readOnly = container.securityContext?.readOnlyRootFilesystem === true
  const placed = new Set<string>()
  /** Keeps the order of the mounts, because each mount that moves makes the patch longer. */
  const place = (mount: V1VolumeMount): V1VolumeMount[] => {
    const rewritten = byPath.get(mount.mountPath)
    if (!rewritten) return [mount]
    const { mode, mountPath } = rewritten
    if (mode === 'copy')
      return [{ name: files, mountPath: mount.mountPath, subPath: mountPath.slice(1), readOnly: true }]
    const parent = parentHolding(mountPath) ?? '/'
    if (placed.has(parent)) return []
    placed.add(parent)
    return [
      { name: directories, mountPath: parent, subPath: parent.slice(1), ...(readOnly ? { readOnly } : {}) },
    ]
  }
  const volumeMounts: V1VolumeMount[] = [
    ...(container.volumeMounts ?? []).flatMap(place),
    ...volumeMountsOf(mountedBy(links, watched)),
  ]
  const secret = mountedBy(copies, watched).some(({ isSecret }) => isSecret)
  return {
    volumeMounts,
    volumes: [
      ...(links.length > 0 ? [emptyDir(directories)] : []),
      ...(copies.length > 0 ? [emptyDir(files, secret ? 'Memory' : undefined)] : []),
    ],
    parents,
    ownMounts: [
      ...(links.length > 0 ? [{ name: directories, mountPath: paths.directories }] : []),
      ...(copies.length > 0 ? [{ name: files, mountPath: paths.copies }] : []),
    ],
    below: repeated(
      (container.volumeMounts ?? []).filter(
        ({ mountPath }) => !byPath.has(mountPath) && parentHolding(normalMountPath(mountPath)) !== undefined,
      ),
    ).map((mount) => ({ ...mount, readOnly: true })),
  }
}

/** The app's mounts for a container of ours, which is never privileged and so may not propagate mounts. */
export const repeated = (mounts: readonly V1VolumeMount[]): V1VolumeMount[] =>
  mounts.map(({ mountPropagation: _, ...mount }) => mount)

export const volumeMountsOf = (watched: readonly WatchedVolume[]): V1VolumeMount[] =>
  watched.map(({ name, mounted }) => ({
    name: mounted.name,
    mountPath: `${paths.volumes}/${name}`,
    readOnly: true,
  }))

/** The watched volumes that these mounts show. */
export function mountedBy(
  subPaths: readonly SubPathMount[],
  watched: readonly WatchedVolume[],
): WatchedVolume[] {
  const names = new Set(subPaths.map(({ mount }) => mount.name))
  return watched.filter(({ name }) => names.has(name))
}

/**
 * Gives init containers that mount a key of a watched volume with subPath a volume of their own. If the key is missing, the kubelet
 * creates a directory in the volume, which stays for the Pod's life and keeps the key from appearing.
 */
export function separateInitVolumes(spec: V1PodSpec, watched: ReadonlySet<string>): V1PodSpec {
  const isShared = (mount: V1VolumeMount) =>
    watched.has(mount.name) && Boolean(mount.subPath || mount.subPathExpr)
  const shared = new Set(
    (spec.initContainers ?? []).flatMap(({ volumeMounts = [] }) =>
      volumeMounts.filter(isShared).map(({ name }) => name),
    ),
  )
  if (shared.size === 0) return spec
  const own = (name: string) => nameFor('hotreload-init', name)
  return {
    ...spec,
    volumes: [
      ...(spec.volumes ?? []),
      ...(spec.volumes ?? [])
        .filter(({ name }) => shared.has(name))
        .map((volume) => ({ ...volume, name: own(volume.name) })),
    ],
    initContainers: (spec.initContainers ?? []).map((container) =>
      container.volumeMounts?.some(isShared)
        ? {
            ...container,
            volumeMounts: container.volumeMounts.map((mount) =>
              isShared(mount) ? { ...mount, name: own(mount.name) } : mount,
            ),
          }
        : container,
    ),
  }
}
