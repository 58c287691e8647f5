/** The contract with agent/: its paths, commands and flags (docs/agent.md). Flags, because the kubelet expands `$(VAR)` in them. */
import { createHash } from 'node:crypto'
import type { V1Volume } from '@kubernetes/client-node'
import type { ContainerPlan } from '../policy/decide.ts'
import type { SubPathMount } from '../policy/mounts.ts'
import type { LiveVolume } from './live-volumes.ts'

export const AGENT = 'hotreload-agent'

export const paths = {
  /** The agent's program, where it runs in the app's image. */
  bin: '/.hotreload/bin',
  /** Below it each watched volume under its own name. */
  volumes: '/.hotreload/vol',
  /** Directories in which a file became a symlink, at the path they have in the app. */
  directories: '/.hotreload/dir',
  /** Files that are rewritten in place, at the path they have in the app. */
  copies: '/.hotreload/copy',
  /** The agents' memory over their own restarts. */
  state: '/.hotreload/state',
} as const

/** The first agent's port for /status and /metrics; one more for each further agent of a Pod. */
export const FIRST_PORT = 9467

/** A name of an API object has 63 characters at most; a longer one of ours is cut and ends in a short hash. */
export function nameFor(...parts: string[]): string {
  const name = parts.join('-')
  if (name.length <= 63) return name
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 8)
  return `${name.slice(0, 54).replace(/-+$/, '')}-${hash}`
}

/** An argument that the kubelet leaves as it is: `$$` is its escape for `$` (kubernetes/third_party/forked/golang/expansion). */
const literal = (text: string): string => text.replaceAll('$', '$$$$')

const rewriteArgs = (subPaths: readonly SubPathMount[]): string[] =>
  subPaths
    .filter(({ mode }) => mode !== 'keep')
    .map(({ mode, mountPath, mount, path, isExpression }) => {
      const to = isExpression ? path : literal(path)
      return `--${mode}=${literal(mountPath)}:${mount.name}/${to}`
    })

export const linkArgs = (subPaths: readonly SubPathMount[], parents: readonly string[]): string[] => [
  'link',
  ...parents.map((parent) => `--parent=${literal(parent)}`),
  ...rewriteArgs(subPaths),
]

export function watchArgs(
  { container, reload, subPaths }: ContainerPlan,
  volumes: readonly LiveVolume[],
  port: number,
): string[] {
  return [
    'watch',
    `--container=${container.name}`,
    ...volumes.flatMap(({ name, isSecret, ignored }) => [
      `--${isSecret ? 'secret-volume' : 'volume'}=${name}`,
      ...ignored.map((path) => `--ignore=${name}/${literal(path)}`),
    ]),
    ...rewriteArgs(subPaths),
    `--reload=${reload.way}`,
    ...(reload.way === 'signal'
      ? [
          `--signal=${reload.signal}`,
          ...reload.processes.map((name) => `--process=${literal(name)}`),
          ...(reload.requireArguments ?? []).map((argument) => `--require-argument=${argument}`),
        ]
      : []),
    ...(reload.way === 'http' ? [`--url=${literal(`${reload.method} ${reload.url}`)}`] : []),
    `--port=${port}`,
  ]
}

export const emptyDir = (name: string, medium?: 'Memory'): V1Volume => ({
  name,
  emptyDir: medium ? { medium } : {},
})
