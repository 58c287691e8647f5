/**
 * Agents with a gate that answered before and answer no more. Edits do not reach their programs, because no other process publishes them. An
 * agent that never answered proves nothing: a NetworkPolicy may be before its port. Pure.
 */
import type { V1Pod } from '@kubernetes/client-node'
import { containersWith } from './workload-pods.ts'

/** Pod's UID and container -> `answers`, since when it does not (by Clock.now()), or `stuck`. */
export type KnownGates = ReadonlyMap<string, 'answers' | number | 'stuck'>

/** Shared, since most workloads have no gate. */
export const noKnownGates: KnownGates = new Map()

/** Milliseconds between two missing answers, without one between them. A kubelet starts an agent again within them, and a node may be busy. */
const STUCK_AFTER = 20_000

export interface AskedPod {
  pod: V1Pod
  /** The containers whose agents did answer. */
  answered: readonly string[]
}

export interface StuckGate {
  pod: string
  container: string
}

export interface GateCheck {
  known: KnownGates
  /** Gates that count as stuck from this check on. */
  stuck: StuckGate[]
  /** Whether to ask again soon. */
  isInDoubt: boolean
}

/** What follows from the answers of these Pods at `now`. Other Pods are forgotten. */
export function checkGates(before: KnownGates, asked: readonly AskedPod[], now: number): GateCheck {
  const known = new Map<string, 'answers' | number | 'stuck'>()
  const stuck: StuckGate[] = []
  for (const { pod, answered } of asked)
    for (const container of containersWith('gate', pod)) {
      const id = `${pod.metadata?.uid} ${container}`
      const last = before.get(id)
      if (answered.includes(container)) known.set(id, 'answers')
      else if (typeof last === 'number' && now - last >= STUCK_AFTER) {
        known.set(id, 'stuck')
        stuck.push({ pod: pod.metadata?.name ?? '', container })
      } else if (last !== undefined) known.set(id, last === 'answers' ? now : last)
    }
  const isInDoubt = [...known.values()].some((one) => typeof one === 'number')
  return { known: known.size > 0 ? known : noKnownGates, stuck, isInDoubt }
}
