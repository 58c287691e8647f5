/** The agent's paths, commands and flags (docs/agent.md). It takes flags rather than variables, because the kubelet expands `$(VAR)` in them. */
import type { V1Volume } from '@kubernetes/client-node'
import type { ForwardedProbe } from '../policy/methods/liveness.ts'
import { methodOf } from '../policy/methods/reload-methods.ts'
import type { SubPathMount } from '../policy/mounts/subpath-modes.ts'
import type { ContainerPlan } from '../policy/plan.ts'
import type { WatchedVolume } from './watched-volumes.ts'

export const AGENT = 'hotreload-agent'

export const paths = {
  /** The agent's program, if it runs in the app's image. */
  bin: '/.hotreload/bin',
  /** Holds each watched volume under its own name. */
  volumes: '/.hotreload/vol',
  /** Holds each gated volume as the kubelet fills it. */
  live: '/.hotreload/live',
  /** Holds what the agent shows of each gated volume. */
  gates: '/.hotreload/gate',
  /** Holds the Pod's annotations that the gate reads. */
  approve: '/.hotreload/approve',
  /** Holds directories in which a file became a symlink, at the path that the app sees. */
  directories: '/.hotreload/dir',
  /** Holds files that the agent rewrites in place, at the path that the app sees. */
  copies: '/.hotreload/copy',
  /** The state that the agents keep over their own restarts. */
  state: '/.hotreload/state',
} as const

/** The first agent's port for /status and /metrics; one more for each further agent of a Pod. */
export const FIRST_PORT = 9467

/** An argument that the kubelet leaves as it is: `$$` is its escape for `$` (kubernetes/third_party/forked/golang/expansion). */
export const literal = (text: string): string => text.replaceAll('$', '$$$$')

export const milliseconds = (seconds: number): string => `${Math.round(seconds * 1000)}ms`

const rewriteArgs = (subPaths: readonly SubPathMount[]): string[] =>
  subPaths
    .filter(({ mode }) => mode !== 'keep')
    .map(({ mode, mountPath, mount, path, isExpression }) => {
      const to = isExpression ? path : literal(path)
      return `--${mode}=${literal(mountPath)}:${mount.name}/${to}`
    })

const parentArgs = (parents: readonly string[]): string[] =>
  parents.map((parent) => `--parent=${literal(parent)}`)

/** @param gated volumes of which a validator sees copies of its own */
export const linkArgs = (
  subPaths: readonly SubPathMount[],
  parents: readonly string[],
  gated: readonly string[],
): string[] => [
  'link',
  ...parentArgs(parents),
  ...rewriteArgs(subPaths),
  ...gated.map((name) => `--gated=${name}`),
]

/** For an agent that links at its first start. Its other flags name the files. */
export const linkOnceArgs = (parents: readonly string[]): string[] => ['--link=once', ...parentArgs(parents)]

/** For the hook of that agent. */
export const awaitLinkArgs = (container: string): string[] => ['link', `--await=${container}`]

/** What an agent watches and does. The flags are the same beside the app and, with `supervise`, in its container. */
export function watchArgs(
  plan: ContainerPlan,
  {
    watched,
    env,
    port,
    graceSeconds,
    gate,
  }: {
    watched: readonly WatchedVolume[]
    env: readonly WatchedVolume[]
    port: number
    graceSeconds: number
    /** The flags of its gates, as the kubelet expands them. */
    gate: readonly string[]
  },
): string[] {
  const { container, reload, subPaths, validate, timeout, stagger, restartStagger } = plan
  const method = methodOf(reload)
  const isEndedByAgent = method.endsProcess === 'agent' || env.length > 0
  return [
    `--container=${container.name}`,
    ...watched.flatMap(({ name, isSecret, isOptional, ignored }) => [
      `--${isSecret ? 'secret-volume' : 'volume'}=${name}`,
      ...(isOptional && subPaths.some(({ mount }) => mount.name === name) ? [`--optional=${name}`] : []),
      ...ignored.map((path) => `--ignore=${name}/${literal(path)}`),
    ]),
    ...env.map(({ name, isSecret }) => `--${isSecret ? 'env-secret-volume' : 'env-volume'}=${name}`),
    ...rewriteArgs(subPaths),
    ...gate,
    ...method.flags(reload).map(literal),
    ...(validate ? [`--validate=${literal(JSON.stringify(validate))}`] : []),
    ...(timeout !== undefined && (validate || method.runsInAppImage)
      ? [`--timeout=${milliseconds(timeout)}`]
      : []),
    ...(isEndedByAgent ? [`--grace=${graceSeconds}s`] : []),
    ...(stagger > 0 ? [`--stagger=${milliseconds(stagger)}`] : []),
    ...(restartStagger > 0 ? [`--restart-stagger=${restartStagger}s`] : []),
    `--port=${port}`,
  ]
}

/** A liveness probe that fails once after a change, and otherwise asks what the user's probe asked. `timeoutSeconds` is the probe's. */
export function probeArgs(container: string, forward: ForwardedProbe, timeoutSeconds: number): string[] {
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
