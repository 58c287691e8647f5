/** Decides for each mount of a container how a change of it reaches the program. Pure. */
import type { V1Container, V1Volume, V1VolumeMount } from '@kubernetes/client-node'
import { isAtOrBelow, normalMountPath, normalPath } from '../../workload/references.ts'
import type { Reload } from '../methods/reload-methods.ts'
import type { Way } from '../presets/preset.ts'
import type { PresetPaths } from '../presets/preset-paths.ts'
import { PREFIX } from '../values/prefix.ts'
import { mayHold, type VolumeReader, volumeReader } from './volume-content.ts'

export interface MountWay {
  way: Way
  /** What it is, or why it is no better one, as a sentence without its subject. */
  because: string
  /** What chose it, e.g. `preset nginx`. */
  chosenBy: string
}

/** By mountPath, as the container declares it. */
export type MountWays = ReadonlyMap<string, MountWay>

export interface WaysRequest {
  container: V1Container
  /** Watched volumes by name. Mounts of other volumes have no way. */
  watched: ReadonlyMap<string, V1Volume>
  /** The container's own reload, and why it is that. */
  reload: Reload
  because: string
  chosenBy: string
  /** What the preset says of paths; undefined: no preset chose the reload. */
  paths: PresetPaths | undefined
  /** What the user says of volumes, by name. */
  ofVolumes: ReadonlyMap<string, Way> | undefined
  /** Mounts for which new Pods come anyway, by mountPath. */
  rolledOut: ReadonlyMap<string, unknown> | undefined
}

/** From a row that holds for part of a mount, and what holds for the rest, follows the one that demands more. */
const demands: readonly Way[] = ['ignore', 'none', 'reload', 'rollout']
const demandOf = ({ way }: MountWay): number => demands.indexOf(way)

export function mountWays(request: WaysRequest): MountWays {
  const { container, watched, reload, because, chosenBy, paths, ofVolumes, rolledOut } = request
  const own: MountWay = { way: wayOf(reload), because, chosenBy }
  const content = volumeReader(watched)
  const found = (container.volumeMounts ?? [])
    .filter(({ name }) => watched.has(name))
    .map((mount): [string, MountWay] => {
      if (rolledOut?.has(mount.mountPath)) return [mount.mountPath, anyway]
      const way = ofVolumes?.get(mount.name)
      if (way !== undefined) return [mount.mountPath, way === 'reload' ? own : { way, ...ofUser }]
      return [mount.mountPath, paths ? wayOfMount(mount, paths, own, content) : own]
    })
  return new Map(found)
}

const anyway: MountWay = {
  way: 'rollout',
  because: 'another container needs new Pods',
  chosenBy: 'another container',
}

const VOLUME_RELOAD = `${PREFIX}volume-reload`
const ofUser = { because: `${VOLUME_RELOAD} says so`, chosenBy: VOLUME_RELOAD }

/** Whether the user decided the way of each mount, so that the container's own reload is in use nowhere. */
export const isDecidedByUser = (mounts: MountWays): boolean =>
  mounts.size > 0 && [...mounts.values()].every(({ chosenBy }) => chosenBy === VOLUME_RELOAD)

/** The way of all mounts that have no way of their own, in a container with this reload. */
export const wayOf = ({ method }: Reload): Way =>
  method === 'rollout' || method === 'none' ? method : 'reload'

/** Whether a change reaches the program without new Pods. */
export const isInPlace = (mount: MountWay | undefined): boolean =>
  mount?.way === 'reload' || mount?.way === 'none'

/** What the agent does for the container: of its own reload, what its mounts leave to do. */
export function reloadFor(mounts: MountWays, own: Reload): Reload {
  const found = new Set([...mounts.values()].map(({ way }) => way))
  if (found.has('reload')) return own
  return found.has('none') ? { method: 'none' } : { method: 'rollout' }
}

function wayOfMount(
  mount: V1VolumeMount,
  { rows, named }: PresetPaths,
  own: MountWay,
  content: VolumeReader,
): MountWay {
  const mountPath = normalMountPath(mount.mountPath)
  const variable = named.get(mountPath)
  if (variable) return { ...variable, chosenBy: own.chosenBy }
  let [whole, depth] = [own, -1]
  const parts: MountWay[] = []
  for (const { under, way, because } of rows) {
    const found = way === 'reload' ? own : { way, because, chosenBy: own.chosenBy }
    for (const text of under) {
      const path = withoutSlash(text)
      if (isAtOrBelow(mountPath, path)) {
        if (path.length > depth) [whole, depth] = [found, path.length]
      } else if (
        isAtOrBelow(path, mountPath) &&
        mayReach(mount, path.slice(mountPath.length), text, content)
      ) {
        parts.push(found)
      }
    }
  }
  return parts.reduce((most, part) => (demandOf(part) > demandOf(most) ? part : most), whole)
}

/** Whether the mount can have what a row names below it. */
function mayReach(
  { name, subPath = '', subPathExpr }: V1VolumeMount,
  below: string,
  text: string,
  content: VolumeReader,
): boolean {
  if (subPathExpr) return true
  const path = normalPath(`${subPath}/${below}`).replace(/^\//, '')
  return mayHold(content(name), path, text.endsWith('/'))
}

const withoutSlash = (path: string): string =>
  path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
