/**
 * Compares what a workload's Pods are known to run with against its sources as they are now. It compares states instead of counting
 * events, so that a missed or repeated event changes nothing. Pure.
 */
import type { Observation } from '../../checksum/expected-checksums.ts'
import { ABSENT } from '../../workload/checksum.ts'

/** One source of a workload. */
export interface ComparisonInput {
  /** In the checksum annotation. */
  id: string
  /** In the baselines. */
  baselineId: string
  /** Undefined: not read yet. */
  observed: Observation | undefined
  /** From the checksum annotation: what the workload's Pods run with. */
  checksum: string | undefined
  /** What the source held when the controller first saw the workload. */
  baseline: string | undefined
  /** `record`: Pods can't start without the source, so they read it once it appears, and its appearance is no change. */
  whenAppears: 'rollout' | 'record'
  /** `wait`: Pods can't start without the source, so replacing those that run gains nothing. */
  whenDeleted: 'rollout' | 'wait'
  /** `hotreload.dev/pause` on the source. */
  isPaused: boolean
}

/** Sources are named by their id, baselines by their baselineId. */
export interface Comparison {
  /** Their change needs new Pods. */
  changed: string[]
  /** Those of `changed` that were deleted: they may return in a moment. */
  deleted: string[]
  /** Changed, and held back by the pause annotation on the source. */
  paused: string[]
  unread: string[]
  unreadable: { id: string; why: 'forbidden' | 'unavailable' }[]
  /** The checksum annotation after a rollout. */
  desiredChecksums: Map<string, string>
  newBaselines: Map<string, string>
  staleBaselines: string[]
}

export function compareSources(inputs: readonly ComparisonInput[]): Comparison {
  const result: Comparison = {
    changed: [],
    deleted: [],
    paused: [],
    unread: [],
    unreadable: [],
    desiredChecksums: new Map(),
    newBaselines: new Map(),
    staleBaselines: [],
  }
  for (const input of inputs) compareSource(input, result)
  return result
}

function compareSource(input: ComparisonInput, result: Comparison): void {
  const { id, observed } = input
  if (observed === undefined || typeof observed === 'string') {
    if (observed === undefined) result.unread.push(id)
    else result.unreadable.push({ id, why: observed })
    const last = input.checksum ?? input.baseline
    if (last !== undefined) result.desiredChecksums.set(id, last)
    return
  }
  const { hash } = observed
  const known = knownChecksum(input, hash)
  if (known === undefined || (known === ABSENT && hash !== ABSENT && input.whenAppears === 'record')) {
    result.desiredChecksums.set(id, hash)
    result.newBaselines.set(input.baselineId, hash)
    return
  }
  if (known === hash) {
    result.desiredChecksums.set(id, hash)
    if (input.checksum === hash && input.baseline !== undefined) result.staleBaselines.push(input.baselineId)
    return
  }
  if (hash === ABSENT && input.whenDeleted === 'wait') {
    result.desiredChecksums.set(id, known)
    return
  }
  // New Pods read the source as it is now, whatever caused the rollout.
  result.desiredChecksums.set(id, hash)
  if (input.isPaused) result.paused.push(id)
  else result.changed.push(id)
  if (hash === ABSENT && !input.isPaused) result.deleted.push(id)
}

/** The annotation's checksum, or else the baseline. A checksum under another install key can't be compared, so it counts as none. */
function knownChecksum(
  { checksum, baseline, whenAppears }: ComparisonInput,
  hash: string,
): string | undefined {
  const isUsable = (text: string | undefined): text is string =>
    text !== undefined && isComparable(text, hash)
  // The source appeared after the annotation was written, and the Pods started then: only the baseline knows what they read.
  if (checksum === ABSENT && whenAppears === 'record' && isUsable(baseline)) return baseline
  if (isUsable(checksum)) return checksum
  return isUsable(baseline) ? baseline : undefined
}

const keyIdOf = (hash: string): string => (hash.includes(':') ? hash.slice(0, hash.indexOf(':')) : '')

const isComparable = (a: string, b: string): boolean =>
  a === ABSENT || b === ABSENT || keyIdOf(a) === keyIdOf(b)
