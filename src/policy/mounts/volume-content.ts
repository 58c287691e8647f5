/** What files a volume of configuration can have, as far as its manifest says. Pure. */
import type { V1Volume } from '@kubernetes/client-node'
import { type SortedPaths, sortPaths } from '../../workload/path-search.ts'
import { isConfigVolume, normalPath, volumeSources } from '../../workload/references.ts'
import { type RewriteObstacle, rewriteObstacle } from './in-place-files.ts'

/** A volume and the paths that it can have. */
export interface VolumeContent {
  volume: V1Volume
  items: SortedPaths
  /** Some source has no items, so that each of its keys is a file. */
  hasAnyKey: boolean
  rewriteObstacle: RewriteObstacle
}

export type VolumeReader = (name: string) => VolumeContent | undefined

/** Reads each volume once. Undefined for all but volumes of configuration: a subPath of another kind (PVC, emptyDir) is the very directory, not a version of it. */
export function volumeReader(watched: ReadonlyMap<string, V1Volume>): VolumeReader {
  const read = new Map<string, VolumeContent | undefined>()
  return (name) => {
    const volume = watched.get(name)
    if (!volume) return undefined
    if (!read.has(name)) read.set(name, isConfigVolume(volume) ? contentOf(volume) : undefined)
    return read.get(name)
  }
}

function contentOf(volume: V1Volume): VolumeContent {
  const sources = volumeSources(volume)
  const items = sources.flatMap(({ items = [] }) => items.map((item) => normalPath(item.path)))
  return {
    volume,
    items: sortPaths(items),
    hasAnyKey: sources.some((source) => !source.items),
    rewriteObstacle: rewriteObstacle(volume),
  }
}

/** Whether the volume can have a file or directory at `path`; true where nobody knows. A key has no slash, so it makes no directory. */
export function mayHold(content: VolumeContent | undefined, path: string, isDirectory: boolean): boolean {
  if (!content || content.volume.csi) return true
  const { items, hasAnyKey } = content
  return items.hasAtOrBelow(path) || (hasAnyKey && !isDirectory && isKey(path))
}

export const isKey = (path: string): boolean => /^[-._a-zA-Z0-9]{1,253}$/.test(path)
