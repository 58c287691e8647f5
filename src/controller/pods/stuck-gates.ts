/**
 * Agents with a gate that answered before and answer no more. Edits do not reach their programs, because no other process publishes them. An
 * agent that never answered proves nothing: a NetworkPolicy may be before its port. Pure.
 */
import type { V1Pod } from '@kubernetes/client-node'
import { containersWith } from './workload-pods.ts'

/** Pod's UID and container -> how many times in a row it did not answer since it did. */
export type KnownGates = ReadonlyMap<string, number>

/** Shared, since most workloads have no gate. */
export const noKnownGates: KnownGates = new Map()

/** One missing answer may be a busy node's. */
const STUCK_AFTER = 2

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

/** What follows from the answers of these Pods. Other Pods are forgotten. */
export function checkGates(before: KnownGates, asked: readonly AskedPod[]): GateCheck {
  const known = new Map<string, number>()
  const stuck: StuckGate[] = []
  for (const { pod, answered } of asked)
    for (const container of containersWith('gate', pod)) {
      const id = `${pod.metadata?.uid} ${container}`
      const isSilent = !answered.includes(container)
      const missed = before.get(id)
      if (isSilent && missed === undefined) continue
      known.set(id, isSilent ? (missed ?? 0) + 1 : 0)
      if (known.get(id) === STUCK_AFTER) stuck.push({ pod: pod.metadata?.name ?? '', container })
    }
  const isInDoubt = [...known.values()].some((missed) => missed > 0 && missed < STUCK_AFTER)
  return { known: known.size > 0 ? known : noKnownGates, stuck, isInDoubt }
}
