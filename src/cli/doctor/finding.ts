/** The results of the checks of `hotreload doctor`. Pure. */
import { enumerate } from '../../policy/values/bounds.ts'

/** The names of the checks, in docs/cli.md too. Stable, for programs. `workloads`: the workloads or namespaces can't be listed. */
export const checks = [
  'api-server',
  'nodes',
  'webhooks',
  'replicas',
  'versions',
  'settings',
  'certificate',
  'injection',
  'permissions',
  'other-tools',
  'workloads',
  'namespaces',
  'annotations',
  'pods',
  'agents',
  'secrets',
  'subpaths',
] as const
export type Check = (typeof checks)[number]

/** `unknown`: it could not be checked. */
export type Result = 'ok' | 'warning' | 'problem' | 'unknown'

export interface Finding {
  check: Check
  result: Result
  /** One sentence: the object, its state, and the remedy. */
  text: string
  /** Of the objects that it is about, where they are of one. */
  namespace?: string
  /** The remedy, or what shows more, where it is one command. */
  command?: string
}

/** A value of the cluster, or why it could not be read: the end of "not checked: …". */
export type Lookup<T> = { value: T } | { denied: string }

export const found = <T>(value: T): Lookup<T> => ({ value })

/** The findings about a value, or one finding that it could not be read. */
export function ifReadable<T>(check: Check, lookup: Lookup<T>, judge: (value: T) => Finding[]): Finding[] {
  return 'value' in lookup
    ? judge(lookup.value)
    : [{ check, result: 'unknown', text: `not checked: ${lookup.denied}` }]
}

/** `a, b, c and 2 more` */
export const few = (names: readonly string[]): string => enumerate(names, ', ', 3)

export const count = (number: number, one: string, several = `${one}s`): string =>
  `${number} ${number === 1 ? one : several}`
