/**
 * The regular expressions of Reloader's lists, run by RE2JS, a port of Go's own engine: the same syntax, and linear time, whatever a user
 * writes. It is loaded the moment a first pattern is read. By require, since a request is read where nothing can wait for an import().
 */
import { createRequire } from 'node:module'

const load = createRequire(import.meta.url)

export interface NameRegex {
  matches: (name: string) => boolean
  /** Instructions of its program: what it costs to compile and to run. */
  size: number
}

/** An object's name has no more. */
const MOST_CHARACTERS = 253
/** Compiling that many takes 50 ms. */
const MOST_INSTRUCTIONS = 10_000
/** A workload's status changes often, and its patterns are the same each time. */
const MOST_REMEMBERED = 1_000
const remembered = new Map<string, NameRegex | string>()

/** The item between ^ and $, as Reloader compiles it; a sentence where it is not valid. */
export function nameRegex(item: string): NameRegex | string {
  if (item.length > MOST_CHARACTERS) return `longer than ${MOST_CHARACTERS} characters`
  const known = remembered.get(item)
  if (known !== undefined) return known
  const regex = compile(item)
  if (remembered.size >= MOST_REMEMBERED) remembered.clear()
  remembered.set(item, regex)
  return regex
}

function compile(item: string): NameRegex | string {
  if (mostInstructions(item) > MOST_INSTRUCTIONS) return 'too large'
  const { RE2JS, RE2JSException }: typeof import('re2js') = load('re2js')
  try {
    const regex = RE2JS.compile(`^${item}$`)
    // Not regex.test(): that builds a DFA, which for some patterns has many states for each name, and keeps them: 50 times slower, 8 MB each.
    return { matches: (name) => regex.matcher(name).find(), size: regex.programSize() }
  } catch (error) {
    if (error instanceof RE2JSException) return error.message.replace('error parsing regexp: ', '')
    throw error
  }
}

/**
 * An upper bound, before anything is compiled. A count such as {3,5} repeats one character, or a group, which may hold counts itself.
 * RE2 refuses what is repeated more than 1,000 times in all.
 */
function mostInstructions(item: string): number {
  const counts = [...item.matchAll(/\{(?:\d+,)?(\d+),?\}/g)].map(([, count]) => Number(count))
  if (!item.includes('(')) return item.length + counts.reduce((sum, count) => sum + count, 0)
  return (
    item.length *
    Math.min(
      1_000,
      counts.reduce((product, count) => product * Math.max(1, count), 1),
    )
  )
}
