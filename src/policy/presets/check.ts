/** The tests that programs have for their own configuration, with the files that a container's command line names. Pure. */
import type { V1Container } from '@kubernetes/client-node'
import { isAtOrBelow, parentOf } from '../../workload/references.ts'
import { flag, hasFlag } from './arguments.ts'

/** A test, and the files with which it begins. */
export interface ProgramCheck {
  argv: readonly string[]
  files: readonly string[]
}

/**
 * The test of a container without its wrappers; undefined where its command line leaves open which files the program reads. Without
 * arguments that is the default of the program's own image.
 */
export type Check = (container: V1Container) => ProgramCheck | undefined

/**
 * A program that tests itself: `nginx -t`.
 * @param takes flags that name files or directories, or change how these are read. Their values are the next word, or the rest of the word
 * @param file the flag that names the file, and the file without it; undefined: without it nobody knows
 */
export const selfCheck =
  (
    program: string,
    test: readonly string[],
    takes: readonly string[],
    file: readonly [string, string | undefined],
  ): Check =>
  ({ command = [], args = [] }) => {
    const own = command[0] ?? program
    const words = command[0] === undefined ? args : [...command.slice(1), ...args]
    const taken = takenWords(words, takes)
    if (!taken) return undefined
    const named = taken.filter(([name]) => name === file[0]).map(([, value]) => value)
    const byDefault = named.length === 0 && file[1] !== undefined ? [file[1]] : []
    return known({ argv: [own, ...test, ...taken.flat()], files: [...named, ...byDefault] })
  }

/** Flags with their values; undefined where a value is missing. */
function takenWords(words: readonly string[], takes: readonly string[]): [string, string][] | undefined {
  const found: [string, string][] = []
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? ''
    const name = takes.find((one) => word.startsWith(one))
    if (name === undefined) continue
    const value = word === name ? words[++at] : word.slice(name.length)
    if (value === undefined) return undefined
    found.push([name, value])
  }
  return found
}

/** `haproxy -c`. With arguments, but without -f, nobody knows what it reads. */
export const haproxyCheck: Check = (container) => {
  const hasWords = (container.command?.length ?? 0) + (container.args?.length ?? 0) > 0
  const image = '/usr/local/etc/haproxy/haproxy.cfg'
  const check = selfCheck('haproxy', ['-c'], ['-f', '-C'], ['-f', hasWords ? undefined : image])(container)
  return check && !hasWords ? { ...check, argv: [...check.argv, '-f', image] } : check
}

/** `named-checkconf -z`, which is another program than the server. */
export const namedCheck: Check = ({ command = [], args = [] }) => {
  const words = [...command.slice(1), ...args]
  const taken = takenWords(words, ['-c', '-t'])
  const root = taken?.find(([name]) => name === '-t')
  const file = taken?.find(([name]) => name === '-c')?.[1]
  if (!taken || root) return undefined
  return known({
    argv: ['named-checkconf', '-z', ...(file ? [file] : [])],
    files: [file ?? '/etc/bind/named.conf'],
  })
}

/** `promtool check config`, `amtool check-config`: programs beside the server, whose image names the file where the container has no arguments. */
export const toolCheck =
  (argv: readonly string[], byDefault: string): Check =>
  (container) => {
    const hasWords = (container.command?.length ?? 0) + (container.args?.length ?? 0) > 0
    const file = flag(container, '--config.file') ?? (hasWords ? undefined : byDefault)
    const mode = hasFlag(container, '--agent') ? ['--agent'] : []
    return file === undefined ? undefined : known({ argv: [...argv, ...mode, file], files: [file] })
  }

/** A relative path depends on what only the image knows, and the kubelet expands variables. */
const known = (check: ProgramCheck): ProgramCheck | undefined =>
  check.files.length > 0 &&
  check.files.every((file) => file.startsWith('/')) &&
  !check.argv.some((word) => word.includes('$('))
    ? check
    : undefined

/** Whether a change at `mountPath` can be one of the files, or of those beside and below them, which they include. */
export const isCovered = ({ files }: ProgramCheck, mountPath: string): boolean =>
  files.some((file) => isAtOrBelow(mountPath, parentOf(file)) || isAtOrBelow(file, mountPath))
