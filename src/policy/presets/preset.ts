/** What a row of the table of programs is made of. */
import type { V1Container } from '@kubernetes/client-node'
import type { Reload } from '../methods/reload-methods.ts'

export interface Preset {
  /** Last segments of images and commands that are exactly this program. */
  names: readonly string[]
  /** A function where the container's arguments or mounts decide. */
  reload: Reload | ((container: V1Container) => Reload)
  /** For people: what happens, and where the facts are from. */
  doc: string
  source: string
  /** For people: what to set `hotreload.dev/validate` to. Nothing runs it by itself: paths differ, and so do images. */
  validate?: string
  /** A test of ours saw the new value in effect in the running program; for a rollout: that it is not, whatever is sent. */
  proved?: true
}

/** Longest name that the kernel keeps of a command, in bytes (TASK_COMM_LEN less its NUL: proc_pid_comm(5)). */
export const COMMAND_NAME_BYTES = 15

export const signal = (signal: string, ...processes: string[]): Reload => ({
  method: 'signal',
  signal,
  processes,
})
export const post = (url: string): Reload => ({ method: 'http', httpMethod: 'POST', url })
export const watches: Reload = { method: 'none' }
export const rollout: Reload = { method: 'rollout' }
