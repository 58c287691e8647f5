/** What a row of the table of programs is made of. */
import type { V1Container } from '@kubernetes/client-node'
import type { Forward } from '../liveness.ts'
import type { ReloadUrl } from '../parse.ts'

/** How one container's process takes a change. */
export type Reload =
  | {
      method: 'signal'
      signal: string
      /** Command names vouched for; none: the container's main process, on the user's own word. */
      processes: readonly string[]
      /** One of these must be among the process's arguments, or the signal would end it. */
      requireArguments?: readonly string[]
    }
  | ({ method: 'http' } & ReloadUrl)
  /** argv, run in the app's image with the app's files. */
  | { method: 'exec'; command: readonly string[] }
  /** The container ends, by this signal where SIGTERM is not the one, and the kubelet starts it again in the same Pod. */
  | { method: 'restart'; signal?: string }
  /** The same by a liveness probe of ours, which goes on asking what the user's asked. */
  | { method: 'probe'; forward: Forward }
  /** The agent is the container's main process and the program its child. */
  | { method: 'supervise' }
  | { method: 'none' }
  | { method: 'rollout' }

/** Ways by which the process is gone for a while: what comes of them is a new one. */
export const restartingWays: ReadonlySet<Reload['method']> = new Set(['restart', 'probe', 'supervise'])

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
