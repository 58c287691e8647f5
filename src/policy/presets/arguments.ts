/** Reads the command, arguments and mounts of a container, as far as its manifest shows them. */
import type { V1Container } from '@kubernetes/client-node'
import { holderOf } from '../../workload/path-search.ts'
import { normalMountPath, normalPath, parentOf } from '../../workload/references.ts'

export const wordsOf = ({ command = [], args = [] }: V1Container): string[] => [...command, ...args]

/** Whether the container has one of the flags, alone or as `--flag=true`. */
export const hasFlag = (container: V1Container, ...flags: string[]): boolean =>
  wordsOf(container).some((word) => flags.includes(word) || flags.some((name) => word === `${name}=true`))

/** The value of the first of the flags that the container has: `--flag=value` or `--flag value`. */
export const flag = (container: V1Container, ...names: string[]): string | undefined =>
  names.map((name) => valueOf(wordsOf(container), name)).find((value) => value !== undefined)

function valueOf(all: readonly string[], name: string): string | undefined {
  const at = all.findIndex((word) => word === name || word.startsWith(`${name}=`))
  return all[at]?.startsWith(`${name}=`) ? all[at].slice(name.length + 1) : all[at + 1 || all.length]
}

/** Whether a volume holds one of these files, or a directory above it. */
export function mounts({ volumeMounts = [] }: V1Container, files: readonly string[]): boolean {
  const holder = holderOf(volumeMounts.map(({ mountPath }) => normalMountPath(mountPath)))
  return files.some((file) => holder(file) !== undefined)
}

/** The directory of a file that an argument names: a volume with the file is mounted there. Of a file in `/` it is the file itself. */
export function directoryOf(file: string): string {
  const directory = parentOf(normalPath(file))
  return directory === '/' ? file : directory
}

/** The same for an argument that may also name a directory, which has no extension. */
export const configDirectory = (path: string): string =>
  /\.[^./]+$/.test(path) ? directoryOf(path) : normalPath(path)

/** `traefik:v3.7@sha256:…` -> `v3.7`; empty without a tag. */
export const tagOf = ({ image = '' }: V1Container): string =>
  /:([^:@/]+)(@|$)/.exec(image.split('/').at(-1) ?? '')?.[1] ?? ''

const addressFlags = ['--web.external-url', '--web.route-prefix', '--web.listen-address']

/**
 * Whether the agent can ask a program like Prometheus. With a web configuration file that may require TLS and a password, which the agent does
 * not have; and only the kubelet knows an address with a variable, `$(PREFIX)`.
 */
export const isOpen = (container: V1Container): boolean =>
  flag(container, '--web.config.file') === undefined &&
  !addressFlags.some((name) => flag(container, name)?.includes('$('))

/** The address of a program like Prometheus, from its --web.… flags. */
export function webAddress(container: V1Container, defaultPort: number): string {
  // A path alone is enough for it, and of `localhost:9090`, whose scheme is `localhost`, it takes none.
  const external = URL.parse(flag(container, '--web.external-url') ?? '', 'http://127.0.0.1')?.pathname
  const prefix = flag(container, '--web.route-prefix') ?? (external?.startsWith('/') ? external : '')
  const path = prefix.split('/').filter(Boolean).join('/')
  const port = portOf(flag(container, '--web.listen-address'), defaultPort)
  return `http://127.0.0.1:${port}${path ? `/${path}` : ''}`
}

/** `0.0.0.0:9091` -> 9091. */
export const portOf = (address: string | undefined, defaultPort: number): number =>
  Number(/:(\d+)$/.exec(address ?? '')?.[1] ?? defaultPort)
