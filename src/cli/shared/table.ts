/** Rows of text as a table for people: aligned, the last column wrapped where a terminal says how wide it is. Pure. */
import { stripVTControlCharacters } from 'node:util'

/** Narrower than this a wrapped column reads worse than a line that the terminal breaks. */
const MIN_LAST_WIDTH = 30
const GAP = '   '

/**
 * @param head column titles
 * @param width columns of the terminal; undefined: no terminal, nothing is wrapped
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

/** What objects of a cluster or a file say must not move the cursor. Our own colours come later. */
export const printable = (text: string): string =>
  stripVTControlCharacters(text).replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ')

const length = (text: string): number => [...text].length
const pad = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - length(text)))

/** Lines of at most `room` characters, broken at blanks; a longer word stays whole, so that it can be copied. */
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
