/** What a check of `hotreload doctor` found. */

/** `unknown`: it could not be looked at. */
export type Result = 'ok' | 'warning' | 'problem' | 'unknown'

export interface Finding {
  /** Stable, for programs. */
  check: string
  result: Result
  /** One sentence: the object, what is with it, and the way out. */
  text: string
}

/** What a reader found, or why it could not look: the end of "could not look: …". */
export type Seen<T> = { found: T } | { missing: string }

export const found = <T>(value: T): Seen<T> => ({ found: value })

/** The findings of what was seen, or that it was not. */
export function ifReadable<T>(check: string, seen: Seen<T>, judge: (found: T) => Finding[]): Finding[] {
  return 'found' in seen
    ? judge(seen.found)
    : [{ check, result: 'unknown', text: `not looked at: ${seen.missing}` }]
}

/** `a, b and 3 more` */
export function few(names: readonly string[], shown = 3): string {
  const more = names.length - shown
  return more > 0 ? `${names.slice(0, shown).join(', ')} and ${more} more` : names.join(', ')
}

export const count = (number: number, one: string, several = `${one}s`): string =>
  `${number} ${number === 1 ? one : several}`
