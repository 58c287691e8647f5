/** The columns of the table of reload methods (reload-methods.ts). */
import type { V1Container, V1PodSpec } from '@kubernetes/client-node'
import type { UserError } from '../../errors.ts'
import { PREFIX } from '../values/prefix.ts'
import type { ReloadUrl } from '../values/url.ts'

/** A sentence for the user. It begins with the object that it is about. */
export interface Note {
  text: string
  /** Show it at `kubectl apply`; otherwise only the status annotation has it. */
  warn: boolean
}

/** The annotations of one container that say how it reloads. */
export interface ReloadSettings {
  reload?: string
  signal?: string
  process?: string
  url?: ReloadUrl
  command?: readonly string[]
}

/** @template R the reload that the method makes */
export interface MethodRequest<R> {
  container: V1Container
  spec: V1PodSpec
  settings: ReloadSettings
  /** The preset of the container's program, if it reloads by this method. */
  preset: { name: string; reload: R } | undefined
}

/** A reload and what chose it, e.g. `preset nginx`; or why the method is impossible. */
export type Choice<R> = { reload: R; chosenBy: string; note?: Note } | UserError

export const chosenByUser = <R>(reload: R): Choice<R> => ({ reload, chosenBy: `${PREFIX}reload` })

/** Lines of a JSON object in the status annotation of a Pod. */
export interface ReloadStatus {
  signal?: string
  url?: string
  command?: readonly string[]
}

/** Cells of the table in docs/reload.md. */
export interface MethodDoc {
  happens: string
  needs: string
  risks: string
  takeWhen: string
}

/**
 * One way in which a container takes a change: what it needs, and its words for users.
 * @template R its values for one container
 * @template ChangesContainer a literal, so that the compiler knows which methods inject/app-container.ts must handle
 */
export interface MethodRow<R extends { method: string }, ChangesContainer extends boolean = false> {
  /** The annotation that chooses this method by itself, without `reload`. */
  annotation?: 'signal' | 'url' | 'command'
  /** Answers a container whose annotations or preset choose this method. */
  choose(request: MethodRequest<R>): Choice<R>
  /** The mistake, if the Pod shares its processes, by itself or for another container, and this method can't work there. */
  sharingProblem?(container: V1Container): UserError
  /** Why it can't work in this Pod, as a sentence, so that changes roll out; shared processes are checked apart. */
  obstacle?(container: V1Container, spec: V1PodSpec): string | undefined
  /** `beside` the app, as its `parent` process, or `optional`: the program takes a change without it. */
  agent: 'beside' | 'parent' | 'optional'
  /** The agent must see the app's processes. */
  sharesProcesses: boolean
  /** The agent needs the capability KILL to signal a program that runs as another user. */
  needsKill: boolean
  /** The agent runs commands with the app's own image, user, files and variables. */
  runsInAppImage: boolean
  /** The app's own container is changed, so that the agent's program runs in it. */
  changesContainer: ChangesContainer
  /** What ends the process, so that a new one reads the change; false: the process stays. */
  endsProcess: 'agent' | 'kubelet' | false
  /** Flags of the agent (docs/agent.md). The caller escapes them for the kubelet, which expands `$(VAR)`. */
  flags(reload: R): string[]
  /** What happens after a change, as the middle of a sentence. */
  describe(reload: R): string
  /** The same in a word or two, for a cell of a table. */
  label(reload: R): string
  status?(reload: R): ReloadStatus
  doc: MethodDoc
}
