/**
 * The difference of two JSON values as RFC 6902 operations. It skips a subtree that `after` shares with `before`, and puts the values of
 * `after` into the operations: fast-json-patch's compare clones each through JSON text, 40 % of its time for an injected Pod. A full copy
 * of `before` would take ten times as long as one of its containers that change.
 */
import type { Operation } from 'fast-json-patch'

/** An object or a list; a list's keys are its indexes. */
type Container = Record<string, unknown>

export interface Difference<T> {
  /** They turn `before` into `after`. */
  operations: Operation[]
  /** Equal to `before`, for whoever applies the operations: it shares only what they leave as it is. */
  copy: T
}

/** Compares JSON only: own enumerable keys, and undefined counts as absent. */
export function diff<T extends object>(before: T, after: object): Difference<T> {
  const operations: Operation[] = []
  return { operations, copy: walk(before as Container, after as Container, '', operations) as T }
}

/** @returns a copy of `before` that shares what is the same in `after` */
function walk(before: Container, after: Container, path: string, operations: Operation[]): Container {
  const copy = (Array.isArray(before) ? before.slice() : { ...before }) as Container
  if (Array.isArray(before) && Array.isArray(after)) {
    const common = Math.min(before.length, after.length)
    for (let index = 0; index < common; index += 1)
      if (before[index] !== after[index])
        copy[index] = change(before[index], after[index], `${path}/${index}`, operations)
    // From the end, so that no removal shifts the index of a later one.
    for (let index = before.length - 1; index >= common; index -= 1)
      operations.push({ op: 'remove', path: `${path}/${index}` })
    for (let index = common; index < after.length; index += 1)
      operations.push({ op: 'add', path: `${path}/${index}`, value: after[index] })
    return copy
  }
  for (const key of Object.keys(before)) {
    // Nearly all are the same, and to write their paths would take most of the time.
    if (before[key] === after[key]) continue
    const at = `${path}/${escaped(key)}`
    if (present(after, key)) copy[key] = change(before[key], after[key], at, operations)
    else if (before[key] !== undefined) operations.push({ op: 'remove', path: at })
  }
  for (const key of Object.keys(after))
    if (after[key] !== undefined && !present(before, key))
      operations.push({ op: 'add', path: `${path}/${escaped(key)}`, value: after[key] })
  return copy
}

/** @returns what the copy holds there */
function change(before: unknown, after: unknown, path: string, operations: Operation[]): unknown {
  if (isContainer(before) && isContainer(after) && Array.isArray(before) === Array.isArray(after))
    return walk(before, after, path, operations)
  operations.push({ op: before === undefined ? 'add' : 'replace', path, value: after })
  return before
}

function present(object: Container, key: string): boolean {
  return Object.hasOwn(object, key) && object[key] !== undefined
}

function isContainer(value: unknown): value is Container {
  return typeof value === 'object' && value !== null
}

/** RFC 6901, section 3: `~` first. */
function escaped(key: string): string {
  return key.includes('~') || key.includes('/') ? key.replaceAll('~', '~0').replaceAll('/', '~1') : key
}
