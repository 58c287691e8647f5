/** Formats rows as a table: aligned columns, of which the last is wrapped to the terminal's width. Pure. */
import { stripVTControlCharacters } from 'node:util'

/** A narrower wrapped column is harder to read than lines that the terminal breaks. */
const MIN_LAST_WIDTH = 30
const GAP = '   '

/**
 * @param head column titles
 * @param width the terminal's columns; undefined: no terminal, so nothing is wrapped
 */
export function formatTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  width?: number,
): string {
  const all = [head, ...rows].map((cells) => cells.map(printable))
  const widths = head.map((_, column) => Math.max(...all.map((cells) => length(cells[column] ?? ''))))
  const last = head.length - 1
  const indent = widths.slice(0, last).reduce((sum, one) => sum + one + GAP.length, 0)
  const room = width === undefined ? Number.POSITIVE_INFINITY : Math.max(width - indent, MIN_LAST_WIDTH)
  return all
    .map((cells) => {
      const [first = '', ...more] = wrap(cells[last] ?? '', room)
      const before = cells.slice(0, last).map((cell, column) => pad(cell, widths[column] ?? 0) + GAP)
      return [before.join('') + first, ...more.map((line) => ' '.repeat(indent) + line)]
        .map((line) => `${line.trimEnd()}\n`)
        .join('')
    })
    .join('')
}

/** Removes control characters: text of a cluster or a file must not move the cursor. Our own colours are added later. */
export const printable = (text: string): string =>
  stripVTControlCharacters(text).replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ')

const length = (text: string): number => [...text].length
const pad = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - length(text)))

/** Breaks at blanks into lines of at most `room` characters. A longer word stays whole, so that a user can copy it. */
function wrap(text: string, room: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const line = lines.at(-1)
    if (line !== undefined && length(line) + 1 + length(word) <= room)
      lines[lines.length - 1] = `${line} ${word}`
    else lines.push(word)
  }
  return lines
}
