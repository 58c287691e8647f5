/** The columns of the table of programs (presets.ts). */
import type { V1Container } from '@kubernetes/client-node'
import type { Reload } from '../methods/reload-methods.ts'

export interface Preset {
  /** The program's images and commands, as the last segments of their names. */
  names: readonly string[]
  /** A function if the container's arguments or mounts decide. */
  reload: Reload | ((container: V1Container) => Reload)
  /** For the documentation: what happens, and the source of the facts. */
  doc: string
  source: string
  /** For the documentation: a value for `hotreload.dev/validate`. It is no default, because paths and images differ. */
  validate?: string
  /** A test of ours proves that the running program takes the new value; for a rollout, that no signal makes it do so. */
  proved?: true
}

/** The kernel keeps so many bytes of a command's name (TASK_COMM_LEN without its NUL: proc_pid_comm(5)). */
export const COMMAND_NAME_BYTES = 15

export const bySignal = (signal: string, ...processes: string[]): Reload => ({
  method: 'signal',
  signal,
  processes,
})
export const byPost = (url: string): Reload => ({ method: 'http', httpMethod: 'POST', url })
export const byItself: Reload = { method: 'none' }
export const byRollout: Reload = { method: 'rollout' }
