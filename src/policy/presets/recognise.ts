/** Recognises a container's program in its manifest: the command behind its wrappers, else the image. */
import type { V1Container } from '@kubernetes/client-node'
import { wordsOf } from './arguments.ts'
import { type PresetName, presets } from './presets.ts'

/** A map, because each container of each Pod looks its program up. */
const byProgram = new Map(
  Object.entries(presets).flatMap(([name, { names }]) =>
    names.map((program): [string, PresetName] => [program, name as PresetName]),
  ),
)

/** The preset whose names include the container's program; undefined: no preset. The container comes from `withoutWrappers`. */
export function recognise({ command = [], image = '' }: V1Container): PresetName | undefined {
  if (command[0] !== undefined) return byProgram.get(baseName(command[0]))
  const { name, owner, tag } = partsOf(image)
  return (
    byProgram.get(name) ??
    byProgram.get(withoutVariant(name)) ??
    byProgram.get(`${owner}/${name}`) ??
    byTag(tag)
  )
}

/** What an image is made of or made for: `haproxy-alpine` and `nginx-photon` run haproxy and nginx. */
export const VARIANTS: ReadonlySet<string> = new Set(
  'alpine bookworm bullseye debian distroless fips hardened minimal photon rootless slim trixie ubi ubi8 ubi9 ubuntu unprivileged'.split(
    ' ',
  ),
)

function withoutVariant(name: string): string {
  const at = name.lastIndexOf('-')
  return VARIANTS.has(name.slice(at + 1)) ? name.slice(0, at) : name
}

/** `php:8.3-fpm-alpine` and `nextcloud:31-fpm`: Docker's official images of PHP name the server in their tag. */
const byTag = (tag: string): PresetName | undefined =>
  tag.split('-').includes('fpm') ? 'php-fpm' : undefined

/** Words of programs that stand beside another program and have its name in theirs: `nginx-exporter`, `prometheus-operator`. */
const COMPANIONS = new Set(
  'adapter admin agent backup cli client config controller dashboard exporter gateway ingress init injector manager operator plugin proxy reloader sidecar ui webhook'.split(
    ' ',
  ),
)

/** Longer names of images are none that a person chose. */
const MAX_NAME = 128

/** The preset of a program that an unknown container may run, because its image's name begins or ends with that of the program. */
export function resembled({ image = '' }: V1Container): PresetName | undefined {
  const name = partsOf(image).name.toLowerCase()
  if (name.length > MAX_NAME) return undefined
  const words = name.split(/[-_.]/)
  if (words.some((word) => COMPANIONS.has(word))) return byProgram.get(name)
  const parts = words.flatMap((_, at) => [words.slice(at).join('-'), words.slice(0, at).join('-')])
  return parts.map((part) => byProgram.get(part)).find((preset) => preset !== undefined)
}

/** What a wrapper runs: the words of the program; empty: what the image runs by default; undefined: nobody knows. */
type Wrapper = (words: readonly string[]) => readonly string[] | undefined

/** Docker's official images: an argument that is no flag is a program, which the script starts by `exec "$@"`. */
const entrypoint: Wrapper = (words) => (words[1]?.startsWith('-') === false ? words.slice(1) : [])

/** `tini -g -- X`, `dumb-init --rewrite 15:3 X` */
const init: Wrapper = (words) => {
  let at = 1
  while (words[at]?.startsWith('-') && words[at] !== '--')
    at += ['-p', '-e', '-r', '--rewrite'].includes(words[at] ?? '') ? 2 : 1
  return words.slice(words[at] === '--' ? at + 1 : at)
}

const withUser: Wrapper = (words) => words.slice(2)

/** A longer script is not looked through. */
const MAX_SCRIPT = 4096

/** `sh -ec "exec X …"`. A script that does anything else first may also write the program's configuration, so that it is not looked through. */
const shell: Wrapper = (words) => {
  for (let at = 1; words[at]?.startsWith('-'); at++) {
    const [flag = '', script = ''] = [words[at], words[at + 1]]
    if (/^-[a-z]*c[a-z]*$/.test(flag)) {
      if (script.length > MAX_SCRIPT) return undefined
      const [first, ...program] = script
        .trim()
        .replaceAll(/["'\\]/g, '')
        .split(/\s+/)
      return first === 'exec' ? program.filter(Boolean) : undefined
    }
    if (flag.endsWith('o')) at++ // `-o pipefail`
  }
  return undefined
}

/** Programs that end as another one. */
export const wrappers: ReadonlyMap<string, Wrapper> = new Map([
  ['docker-entrypoint.sh', entrypoint],
  ['docker-php-entrypoint', entrypoint],
  ['dumb-init', init],
  ['tini', init],
  ['gosu', withUser],
  ['su-exec', withUser],
  ['sh', shell],
  ['bash', shell],
  ['ash', shell],
  ['dash', shell],
])

/** Wrappers in wrappers: `tini -- docker-entrypoint.sh gosu redis redis-server`. */
const MAX_WRAPPERS = 4

/**
 * The container as its wrappers leave it: for `dumb-init -- nginx -g …` and `sh -c "exec nginx -g …"` one with the command `nginx -g …`. The
 * same container where there is nothing to look through.
 */
export function withoutWrappers(container: V1Container): V1Container {
  let inner = container
  for (let depth = 0; depth < MAX_WRAPPERS; depth++) {
    const words = wordsOf(inner)
    const left = inner.command?.[0] === undefined ? undefined : wrappers.get(baseName(words[0]))?.(words)
    if (left === undefined) break
    const { command: _, ...rest } = inner
    inner = left.length > 0 ? { ...rest, command: [...left], args: [] } : { ...rest, args: words.slice(1) }
  }
  return inner
}

const baseName = (path = ''): string => path.split('/').at(-1) ?? ''

/** `registry:5000/team/nginx:1.27@sha256:…` -> `team`, `nginx` and `1.27`. */
function partsOf(image: string): { owner: string; name: string; tag: string } {
  const [owner = '', last = ''] = ['', ...(image.split('@', 1)[0] ?? '').split('/')].slice(-2)
  const [name = '', tag = ''] = last.split(':')
  return { owner, name, tag }
}
