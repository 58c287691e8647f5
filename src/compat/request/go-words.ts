/** Annotation values and flags, read as the standard library of Go does, in which both tools are written. Pure. */
import { MOST_SOURCES } from '../../workload/sources-in-use.ts'

/** strconv.ParseBool: exactly these words; anything else is undefined. */
export function goBool(text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(text)) return true
  return ['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(text) ? false : undefined
}

/** The longest part of a user's text that a sentence quotes. */
const MOST_QUOTED = 100

export const quoted = (text: string): string =>
  `"${text.length > MOST_QUOTED ? `${text.slice(0, MOST_QUOTED)}…` : text}"`

/** The tools themselves take such a word for "false", and report nothing. */
export const mistakenWord = (key: string, word: string): string =>
  `${key}: ${quoted(word)} is neither "true" nor "false", and is left out`

/** A comma list; empty items are none. */
export const commaList = (text: string | undefined): string[] =>
  (text ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')

/** A list as flags have it, one line of CSV: an item in quotes may hold commas, and two quotes for one. Undefined: a quote stands elsewhere. */
export function csvList(text: string): string[] | undefined {
  const items = [...`${text},`.matchAll(/\s*(?:"((?:[^"]|"")*)"|([^",]*))\s*,/gy)]
  if (items.reduce((length, [whole]) => length + whole.length, 0) !== text.length + 1) return undefined
  return items
    .map(([, quotedItem, plain = '']) => (quotedItem?.replaceAll('""', '"') ?? plain).trim())
    .filter((item) => item !== '')
}

/** The list of an annotation, with at most as many items as a workload may have sources. @param problems receives a sentence on the rest */
export function boundedList(key: string, text: string | undefined, problems: string[]): string[] {
  const items = commaList(text)
  if (items.length > MOST_SOURCES)
    problems.push(`${key}: ${items.length} items; all after the first ${MOST_SOURCES} are left out`)
  return items.slice(0, MOST_SOURCES)
}
