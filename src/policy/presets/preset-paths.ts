/** What a preset says of each path of a container: its own rows, and what the entry points of images do everywhere. */
import type { V1Container } from '@kubernetes/client-node'
import { normalMountPath, normalPath, parentOf } from '../../workload/references.ts'
import type { PathRow, Preset } from './preset.ts'

/** Conventions of entry points, whatever program they start. */
export const ofEveryImage: readonly PathRow[] = [
  {
    under: ['/bitnami/'],
    way: 'rollout',
    because: 'the entry point copies it when the container starts',
  },
  {
    under: [
      '/docker-entrypoint.d/',
      '/docker-entrypoint-init.d/',
      '/docker-entrypoint-initdb.d/',
      '/docker-entrypoint-preinitdb.d/',
    ],
    way: 'rollout',
    because: 'the entry point runs it when the container starts',
  },
]

/** What holds for the paths of one container. */
export interface PresetPaths {
  rows: readonly PathRow[]
  /** By a mount's path: what holds for it because a variable names a file in it. */
  named: ReadonlyMap<string, Pick<PathRow, 'way' | 'because'>>
}

export function presetPaths({ paths = [], initialVariables }: Preset, container: V1Container): PresetPaths {
  const own = typeof paths === 'function' ? paths(container) : paths
  return { rows: [...own, ...ofEveryImage], named: namedMounts(container, initialVariables) }
}

/** Longer paths are not looked up, because each directory above a file is. */
const PATH_LENGTH = 256

/** Entry points read the files that variables such as POSTGRES_PASSWORD_FILE name, once. */
function namedMounts(
  { env = [], volumeMounts = [] }: V1Container,
  initialVariables: readonly string[] = [],
): PresetPaths['named'] {
  const found = new Map<string, Pick<PathRow, 'way' | 'because'>>()
  const files = env.filter(({ name, value = '' }) => name.endsWith('_FILE') && value.startsWith('/'))
  if (files.length === 0) return found
  const mounts = new Set(volumeMounts.map(({ mountPath }) => normalMountPath(mountPath)))
  for (const { name, value = '' } of files) {
    const mount = value.length > PATH_LENGTH ? undefined : innermost(mounts, normalPath(value))
    if (mount === undefined) continue
    if (!initialVariables.includes(name))
      found.set(mount, { way: 'rollout', because: `${name} names a file that the entry point reads once` })
    else if (!found.has(mount))
      found.set(mount, { way: 'ignore', because: `${name} counts in an empty database only` })
  }
  return found
}

function innermost(mounts: ReadonlySet<string>, path: string): string | undefined {
  if (mounts.has(path)) return path
  return path === '/' ? undefined : innermost(mounts, parentOf(path))
}
