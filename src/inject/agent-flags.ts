/** The contract with agent/: its paths, commands and flags (docs/agent.md). Flags, because the kubelet expands `$(VAR)` in them. */
import type { V1Volume } from '@kubernetes/client-node'
import type { Forward } from '../policy/liveness.ts'
import type { ContainerPlan } from '../policy/plan.ts'
import type { Reload } from '../policy/presets.ts'
import type { SubPathMount } from '../policy/subpath-modes.ts'
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

/** What an agent is to watch and to do; the same flags beside the app and, with `supervise`, in its container. */
export function watchArgs(
  plan: ContainerPlan,
  {
    live,
    env,
    port,
    graceSeconds,
  }: { live: readonly LiveVolume[]; env: readonly LiveVolume[]; port: number; graceSeconds: number },
): string[] {
  const { container, reload, subPaths, validate, timeout, stagger, restartStagger } = plan
  const ends = reload.method === 'restart' || reload.method === 'supervise' || env.length > 0
  return [
    `--container=${container.name}`,
    ...live.flatMap(({ name, isSecret, ignored }) => [
      `--${isSecret ? 'secret-volume' : 'volume'}=${name}`,
      ...ignored.map((path) => `--ignore=${name}/${literal(path)}`),
    ]),
    ...env.map(({ name, isSecret }) => `--${isSecret ? 'env-secret-volume' : 'env-volume'}=${name}`),
    ...rewriteArgs(subPaths),
    ...reloadArgs(reload),
    ...(validate ? [`--validate=${literal(JSON.stringify(validate))}`] : []),
    ...(timeout && (validate || reload.method === 'exec')
      ? [`--timeout=${Math.round(timeout * 1000)}ms`]
      : []),
    ...(ends ? [`--grace=${graceSeconds}s`] : []),
    ...(stagger > 0 ? [`--stagger=${Math.round(stagger * 1000)}ms`] : []),
    ...(restartStagger > 0 ? [`--restart-stagger=${restartStagger}s`] : []),
    `--port=${port}`,
  ]
}

function reloadArgs(reload: Reload): string[] {
  // What rolls out is none of the agent's business, though its variables may be.
  const flag = `--reload=${reload.method === 'rollout' ? 'none' : reload.method}`
  switch (reload.method) {
    case 'signal':
      return [
        flag,
        `--signal=${reload.signal}`,
        ...reload.processes.map((name) => `--process=${literal(name)}`),
        ...(reload.requireArguments ?? []).map((argument) => `--require-argument=${argument}`),
      ]
    case 'http':
      return [flag, `--url=${literal(`${reload.httpMethod} ${reload.url}`)}`]
    case 'exec':
      return [flag, `--command=${literal(JSON.stringify(reload.command))}`]
    case 'restart':
      return [flag, ...(reload.signal ? [`--signal=${reload.signal}`] : [])]
    default:
      return [flag]
  }
}

/** Our liveness probe: fails once after a change, else asks what the user's asked. `timeoutSeconds` is the probe's. */
export function probeArgs(container: string, forward: Forward, timeoutSeconds: number): string[] {
  return [
    'probe',
    `--container=${container}`,
    ...(forward && 'url' in forward ? [`--http-get=${forward.url}`] : []),
    ...(forward && 'port' in forward ? [`--tcp=${forward.port}`] : []),
    `--timeout=${timeoutSeconds}s`,
  ]
}

export const emptyDir = (name: string, medium?: 'Memory'): V1Volume => ({
  name,
  emptyDir: medium ? { medium } : {},
})
