/** Annotation values, read as the standard library of Go does, in which both tools are written. Pure. */

/** strconv.ParseBool: exactly these words; anything else is undefined. */
export function goBool(text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(text)) return true
  return ['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(text) ? false : undefined
}

/** The tools themselves take such a word for "false", and report nothing. */
export const mistakenWord = (key: string, word: string): string =>
  `${key}: "${word}" is neither "true" nor "false", and is left out`

/** A comma list; empty items are none. */
export const commaList = (text: string | undefined): string[] =>
  (text ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
