/**
 * Level-based: what a workload's Pods are known to have against what is there now. No event is needed for it, so that none can be lost,
 * and none counts twice. Pure.
 */
import type { Observation } from '../../checksum/expected-checksums.ts'
import { ABSENT } from '../../workload/checksum.ts'

/** One source of a workload. */
export interface View {
  /** In the checksum. */
  id: string
  /** In the baselines. */
  baselineId: string
  /** Undefined: not read yet. */
  observed: Observation | undefined
  /** What the workload says its Pods have. */
  checksum: string | undefined
  /** What was there when we first saw the workload. */
  baseline: string | undefined
  /** Pods that can't start without the source read what is there once it is: its appearance is no change. */
  whenAppears: 'roll' | 'record'
  /** Pods could not start without it: nothing is gained by replacing those that run. */
  whenVanishes: 'roll' | 'wait'
  /** `hotreload.dev/pause` on the source. */
  isPaused: boolean
}

export interface Comparison {
  /** Ids of sources whose change needs new Pods. */
  changed: string[]
  /** Of these, the ones that are gone: they may be back in a moment. */
  vanished: string[]
  /** Changed too, but held back by their own annotation. */
  paused: string[]
  unread: string[]
  unreadable: { id: string; why: 'forbidden' | 'unavailable' }[]
  /** The checksum after a rollout. */
  target: Map<string, string>
  /** Baselines to write, and to drop. */
  record: Map<string, string>
  forget: string[]
}

export function compare(views: readonly View[]): Comparison {
  const result: Comparison = {
    changed: [],
    vanished: [],
    paused: [],
    unread: [],
    unreadable: [],
    target: new Map(),
    record: new Map(),
    forget: [],
  }
  for (const view of views) compareOne(view, result)
  return result
}

function compareOne(view: View, result: Comparison): void {
  const { id, observed } = view
  if (observed === undefined || typeof observed === 'string') {
    if (observed === undefined) result.unread.push(id)
    else result.unreadable.push({ id, why: observed })
    const last = view.checksum ?? view.baseline
    if (last !== undefined) result.target.set(id, last)
    return
  }
  const { hash } = observed
  const known = knownHash(view, hash)
  if (known === undefined || (known === ABSENT && hash !== ABSENT && view.whenAppears === 'record')) {
    result.target.set(id, hash)
    result.record.set(view.baselineId, hash)
    return
  }
  if (known === hash) {
    result.target.set(id, hash)
    if (view.checksum === hash && view.baseline !== undefined) result.forget.push(view.baselineId)
    return
  }
  if (hash === ABSENT && view.whenVanishes === 'wait') {
    result.target.set(id, known)
    return
  }
  // Whatever the reason for new Pods, they read what is there.
  result.target.set(id, hash)
  if (view.isPaused) result.paused.push(id)
  else result.changed.push(id)
  if (hash === ABSENT && !view.isPaused) result.vanished.push(id)
}

/** The checksum before the baseline; a hash under another key says nothing. */
function knownHash({ checksum, baseline, whenAppears }: View, hash: string): string | undefined {
  const usable = (text: string | undefined): text is string => text !== undefined && comparable(text, hash)
  // The source came after the checksum, and the Pods with it: from then on the baseline knows better.
  if (checksum === ABSENT && whenAppears === 'record' && usable(baseline)) return baseline
  if (usable(checksum)) return checksum
  return usable(baseline) ? baseline : undefined
}

const keyIdOf = (hash: string): string => (hash.includes(':') ? hash.slice(0, hash.indexOf(':')) : '')

const comparable = (a: string, b: string): boolean =>
  a === ABSENT || b === ABSENT || keyIdOf(a) === keyIdOf(b)
