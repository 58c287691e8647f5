/** The columns of the table of programs (presets.ts). */
import type { V1Container } from '@kubernetes/client-node'
import type { Reload } from '../methods/reload-methods.ts'
import type { Proof } from '../methods/signal.ts'
import type { Check } from './check.ts'

/**
 * How the change of one mount reaches a program: by the container's own `reload`, by `none` of our means because the program watches its
 * files, by a `rollout`, or not at all, because the program has no more use for what is there: `ignore`.
 */
export const ways = ['reload', 'none', 'rollout', 'ignore'] as const
export type Way = (typeof ways)[number]

/** What a program does with its files under some paths, where that differs from its row's `reload`. */
export interface PathRow {
  /** Absolute paths. One that ends in a slash is a directory, any other one a file or a directory. */
  under: readonly string[]
  way: Way
  /** Why, as a sentence without its subject: `the entry point reads it when the container starts`. */
  because: string
}

export interface Preset {
  /** The program's images and commands, as the last segments of their names. */
  names: readonly string[]
  /** How it takes a change of any path that `paths` does not name. A function if the container's arguments or mounts decide. */
  reload: Reload | ((container: V1Container) => Reload)
  /** The path with the most segments wins. In doubt a row says `rollout`: a preset must never claim a reload. */
  paths?: readonly PathRow[] | ((container: V1Container) => readonly PathRow[])
  /** It exists to reload another program of its Pod. */
  isReloadSidecar?: true
  /** Variables whose names end in _FILE, and whose files count in an empty database only. Others of such a name mean a rollout. */
  initialVariables?: readonly string[]
  /** After a signal: what proves that the program took the change, needs no password, and does not move after a mistake. */
  confirm?: Proof | ((container: V1Container) => Proof | undefined)
  /** For the documentation: what happens, and the source of the facts. */
  doc: string
  source: string
  /** For the documentation: a value for `hotreload.dev/validate`. It is no default, because paths and images differ. */
  validate?: string
  /** The same for the files that the container's command line names: `hotreload.dev/validate: preset`. */
  check?: Check
  /**
   * A test of ours proves that the running program takes the new value; for a rollout, that no signal makes it do so. `at releases`:
   * `make test-programs` has the test, because it takes minutes to build the program, or the program needs a device of the machine.
   */
  proved?: true | 'at releases'
}

/** The kernel keeps so many bytes of a command's name (TASK_COMM_LEN without its NUL: proc_pid_comm(5)). */
export const COMMAND_NAME_BYTES = 15

/** What no other row names. */
export const elsewhere = (way: Way, because: string): PathRow => ({ under: ['/'], way, because })

export const bySignal = (signal: string, ...processes: string[]): Reload => ({
  method: 'signal',
  signal,
  processes,
})
export const byPost = (url: string): Reload => ({ method: 'http', httpMethod: 'POST', url })
export const byItself: Reload = { method: 'none' }
export const byRollout: Reload = { method: 'rollout' }
