/** What the kubelet says about the containers of a Pod: an agent can't know that its program does not run. Pure. */
import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node'

/** A state in the words of the kubelet, e.g. CrashLoopBackOff. */
export interface KubeletState {
  state: string
  note?: string
}

/** Reasons to wait that are no failure. */
const usual: ReadonlySet<string> = new Set(['ContainerCreating', 'PodInitializing'])

/** Characters of a message, which the container's program may have written. */
const LONGEST = 500

/** Longer than the pull of a large image takes. */
const PENDING_MILLISECONDS = 5 * 60_000

/** The state of a container that does not run; undefined: it runs, or the kubelet has not said anything yet. */
export function notRunning({ status }: V1Pod, container: string): KubeletState | undefined {
  const found = status?.containerStatuses?.find(({ name }) => name === container)
  return found && stateOf(found)
}

function stateOf({ state, lastState, restartCount }: V1ContainerStatus): KubeletState | undefined {
  const { waiting, terminated } = state ?? {}
  const reason = waiting?.reason ?? terminated?.reason
  if (state?.running || reason === undefined) return undefined
  const restarts =
    restartCount > 0 ? `${restartCount} ${restartCount === 1 ? 'restart' : 'restarts'}` : undefined
  // What the last run has left for the kubelet to show, as an agent does that does not let the app start.
  const why = terminated?.message ?? lastState?.terminated?.message
  const note = [waiting?.message, why?.slice(0, LONGEST), restarts].filter(Boolean).join('; ')
  return { state: reason, ...(note ? { note } : {}) }
}

/** Why a Pod does not start: a container that waits for more than its turn, or what the scheduler says. */
export function pendingReason({ status }: V1Pod): KubeletState | undefined {
  const all = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])]
  for (const one of all) {
    const found = stateOf(one)
    if (one.state?.waiting && found && !usual.has(found.state))
      return { state: found.state, note: [`container ${one.name}`, found.note].filter(Boolean).join(': ') }
  }
  const unscheduled = status?.conditions?.find(
    ({ type, status: is }) => type === 'PodScheduled' && is === 'False',
  )
  return unscheduled && { state: 'pending', note: unscheduled.message ?? 'no node takes it' }
}

/** Whether a Pod has been starting for too long. */
export const isStuck = ({ metadata }: V1Pod, now: number): boolean =>
  now - new Date(metadata?.creationTimestamp ?? now).getTime() > PENDING_MILLISECONDS
