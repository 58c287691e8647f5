/** The volumes that an agent watches for one container, limited to the keys that the container itself can see. */
import type { V1KeyToPath, V1Volume, V1VolumeProjection } from '@kubernetes/client-node'
import type { ContainerPlan } from '../policy/plan.ts'
import { holderOf } from '../workload/path-search.ts'
import { normalPath, volumeSources } from '../workload/references.ts'
import type { VolumeGate } from './gate.ts'
import { nameFor } from './names.ts'

export interface WatchedVolume {
  /** The user's name of the volume, and of its directory below /.hotreload/vol. */
  name: string
  /** The volume of the Pod that the agent mounts there. */
  mounted: V1Volume
  /** It holds, or may hold, a Secret, so that the agent shows not even its checksum. */
  isSecret: boolean
  /** Keys may be absent from it. */
  isOptional: boolean
  /** Paths whose change is no reason to reload (tokens, labels). */
  ignored: string[]
  /** Present: the app sees only what an agent publishes of it. */
  gate?: VolumeGate
}

export function watchedVolumes(plan: ContainerPlan): WatchedVolume[] {
  const limits = usedPaths(plan)
  return plan.volumes.map((volume) => {
    const paths = limits.get(volume.name)
    const mounted = paths
      ? limitedTo([...new Set(paths)], {
          ...volume,
          name: nameFor('hotreload-vol', plan.container.name, volume.name),
        })
      : volume
    return {
      name: volume.name,
      mounted,
      isSecret: !isPublic(volume),
      isOptional: volumeSources(volume).some(({ optional }) => optional),
      ignored: ignoredPaths(volume),
    }
  })
}

/** The paths in use, of each volume of which the container sees no more than these. */
function usedPaths({ container, subPaths }: ContainerPlan): Map<string, string[]> {
  const rewrites = subPaths.filter(({ mode }) => mode !== 'keep')
  if (rewrites.length === 0) return new Map()
  const used = Map.groupBy(rewrites, ({ mount }) => mount.name)
  for (const { name, subPath, subPathExpr } of container.volumeMounts ?? [])
    if (!subPath && !subPathExpr) used.delete(name)
  return new Map(
    [...used]
      // Only the kubelet knows the key of a subPathExpr.
      .filter(([, mounts]) => mounts.every(({ isExpression }) => !isExpression))
      .map(([name, mounts]) => [name, mounts.map(({ path }) => path)]),
  )
}

const isPublic = ({ configMap, projected }: V1Volume): boolean =>
  configMap !== undefined ||
  (projected?.sources !== undefined && projected.sources.every(({ secret }) => !secret))

function ignoredPaths({ projected }: V1Volume): string[] {
  return (projected?.sources ?? []).flatMap((from) => [
    ...(from.serviceAccountToken ? [from.serviceAccountToken.path] : []),
    ...(from.downwardAPI?.items ?? []).map(({ path }) => path),
    ...(from.clusterTrustBundle ? [from.clusterTrustBundle.path] : []),
    ...[
      from.podCertificate?.credentialBundlePath,
      from.podCertificate?.keyPath,
      from.podCertificate?.certificateChainPath,
    ].filter((path) => path !== undefined),
  ])
}

/** The same volume with only the files at or below `paths`. */
function limitedTo(paths: readonly string[], volume: V1Volume): V1Volume {
  const holder = holderOf(paths)
  const isUsed = (path: string) => holder(normalPath(path)) !== undefined
  const items = (of: { items?: V1KeyToPath[] }): V1KeyToPath[] =>
    of.items?.length
      ? of.items.filter(({ path }) => isUsed(path))
      : paths.map((path) => ({ key: path, path }))
  const { configMap, secret, projected } = volume
  if (configMap) return { ...volume, configMap: { ...configMap, items: items(configMap) } }
  if (secret) return { ...volume, secret: { ...secret, items: items(secret) } }
  if (!projected) return volume
  const mayHold = (from: V1VolumeProjection): boolean =>
    [from.configMap, from.secret].some((of) => of && items(of).length > 0) ||
    ignoredPaths({ name: '', projected: { sources: [from] } }).some(isUsed)
  const candidates = (projected.sources ?? []).filter(mayHold)
  // The API server refuses a path that two sources name, and only the cluster knows which source has a key: sources without items stay whole.
  const narrowed = <T extends { items?: V1KeyToPath[] }>(of: T): T =>
    of.items?.length || candidates.length === 1 ? { ...of, items: items(of) } : of
  const sources = candidates.map((from): V1VolumeProjection => {
    if (from.configMap) return { configMap: narrowed(from.configMap) }
    if (from.secret) return { secret: narrowed(from.secret) }
    if (from.downwardAPI)
      return { downwardAPI: { items: (from.downwardAPI.items ?? []).filter(({ path }) => isUsed(path)) } }
    return from
  })
  return { ...volume, projected: { ...projected, sources } }
}
