/**
 * Measures what is computed for one object, and ends what does not end. An object that takes too long, or throws, is set aside: nothing is computed
 * for it until it changes or some time has passed. The readers have bounds of their own; this is for what they do not foresee, so that no object stops the others.
 */
import type { Clock } from '../../async/clock.ts'
import { describeError } from '../../errors.ts'
import type { ObjectVersion } from '../../workload/object-version.ts'
import { computeWithin, TIMED_OUT } from './time-limit.ts'

export interface SetAside extends ObjectVersion {
  /** Half a sentence: why. */
  why: string
  /** Milliseconds since 1970. */
  at: number
  /** In a row. */
  times: number
}

export interface Guard {
  /** The result of `compute`; undefined where the object is, or is now, set aside. */
  run<T>(object: ObjectVersion, compute: () => T): T | undefined
  /** The object is gone. */
  forget(uid: string): void
  /** What an earlier process has set aside. */
  restore(objects: Iterable<SetAside>): void
  setAside(): SetAside[]
  /** Those that may be tried again now. */
  due(): SetAside[]
}

export interface GuardOptions {
  clock: Pick<Clock, 'wall'>
  /** Milliseconds of a clock that only goes forward. */
  stopwatch?: (() => number) | undefined
  /** One more object is set aside, or `undefined`: one less. */
  onChange: (object: SetAside | undefined) => void
}

/** Milliseconds. Usual objects take less than one, those at every bound some 100; the kubelet's probes wait 5,000. */
export const MOST_MILLISECONDS = 250
/** An object that takes less than this is measured twice: a pause of the whole process seldom comes twice. */
const MOST_FOR_SECOND_TRY = 1_000
/** Milliseconds after which a computation is ended: it may never end by itself. The kubelet's probes wait longer. */
const ENDED_AFTER = 2_000
/** Milliseconds before the next try; twice as long after each failure. A changed object is tried after the first delay. */
export const FIRST_DELAY = 60_000
const LAST_DELAY = 3_600_000
/** Their ConfigMap holds 1 MiB; each takes up to 700 bytes. */
const MOST_SET_ASIDE = 1_000

interface Entry {
  object: SetAside
  /** False after a success; the entry is kept for a while, since the object may fail again at once. */
  isSkipped: boolean
  hasChanged: boolean
}

export function createGuard({ clock, stopwatch = () => performance.now(), onChange }: GuardOptions): Guard {
  const entries = new Map<string, Entry>()

  const dueAt = ({ hasChanged, object: { at, times } }: Entry): number =>
    at + (hasChanged ? FIRST_DELAY : Math.min(LAST_DELAY, FIRST_DELAY * 2 ** (times - 1)))

  function isSkipped({ uid, resourceVersion }: ObjectVersion): boolean {
    const entry = entries.get(uid)
    if (!entry?.isSkipped) return false
    entry.hasChanged ||= entry.object.resourceVersion !== resourceVersion
    return clock.wall() < dueAt(entry)
  }

  function measure<T>(compute: () => T): { value: T | typeof TIMED_OUT; took: number } {
    const start = stopwatch()
    const value = computeWithin(ENDED_AFTER, compute)
    return { value, took: stopwatch() - start }
  }

  function attempt<T>(compute: () => T): { value: T } | { why: string } {
    try {
      const first = measure(compute)
      const isSuspect = first.took > MOST_MILLISECONDS && first.took < MOST_FOR_SECOND_TRY
      const { value, took } = isSuspect ? measure(compute) : first
      if (value === TIMED_OUT) return { why: `its processing had not ended after ${ENDED_AFTER} ms` }
      return took <= MOST_MILLISECONDS ? { value } : { why: `it took ${Math.round(took)} ms to process` }
    } catch (error) {
      return { why: `it could not be processed (${describeError(error).error})` }
    }
  }

  function setAside(object: ObjectVersion, why: string): void {
    const { apiVersion, kind, namespace, name, uid, resourceVersion } = object
    const times = (entries.get(uid)?.object.times ?? 0) + 1
    entries.delete(uid)
    const [oldest] = entries.keys()
    if (entries.size >= MOST_SET_ASIDE && oldest !== undefined) entries.delete(oldest)
    const all = { apiVersion, kind, namespace, name, uid, resourceVersion, why, at: clock.wall(), times }
    entries.set(uid, { object: all, isSkipped: true, hasChanged: false })
    onChange(all)
  }

  function succeeded(uid: string): void {
    const entry = entries.get(uid)
    if (!entry) return
    const wasSkipped = entry.isSkipped
    entry.isSkipped = false
    if (clock.wall() >= entry.object.at + LAST_DELAY * 2) entries.delete(uid)
    if (wasSkipped) onChange(undefined)
  }

  const skipped = (): Entry[] => [...entries.values()].filter((entry) => entry.isSkipped)
  return {
    run(object, compute) {
      if (isSkipped(object)) return undefined
      const outcome = attempt(compute)
      if ('why' in outcome) {
        setAside(object, outcome.why)
        return undefined
      }
      succeeded(object.uid)
      return outcome.value
    },
    forget(uid) {
      if (entries.delete(uid)) onChange(undefined)
    },
    restore(objects) {
      for (const object of objects) entries.set(object.uid, { object, isSkipped: true, hasChanged: false })
    },
    setAside: () => skipped().map(({ object }) => object),
    due: () =>
      skipped()
        .filter((entry) => clock.wall() >= dueAt(entry))
        .map(({ object }) => object),
  }
}
