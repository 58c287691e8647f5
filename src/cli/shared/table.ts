/** Formats rows for people: as a table, or in a narrow terminal as records, so that no line is wider than it. Pure. */
import { stripVTControlCharacters } from 'node:util'

/** A narrower last column is harder to read than the same text in lines of its own. */
const MIN_LAST_WIDTH = 30
const GAP = '   '
const INDENT = '    '

type Row = readonly string[]

/**
 * The last column holds sentences. It is wrapped to the terminal's width; where it has too little room there, its text stands below each row;
 * and where the other columns have too little, each row becomes a record.
 * @param head column titles
 * @param width the terminal's columns; undefined: no terminal, so nothing is wrapped
 * @param notes a sentence below each row; empty: none
 */
export function formatTable(
  head: Row,
  rows: readonly Row[],
  width = Number.POSITIVE_INFINITY,
  notes: readonly string[] = [],
): string {
  const below = (row: number, ...texts: string[]): string[] =>
    [...texts, printable(notes[row] ?? '')]
      .filter((one) => one !== '')
      .flatMap((one) => wrap(one, width - INDENT.length))
      .map((line) => INDENT + line)
  const all = [head, ...rows].map((cells) => cells.map(printable))
  const widths = head.map((_, column) => Math.max(...all.map((cells) => length(cells[column] ?? ''))))
  const last = head.length - 1
  const indent = widths.slice(0, last).reduce((sum, one) => sum + one + GAP.length, 0)
  const needed = Math.min(widths[last] ?? 0, MIN_LAST_WIDTH)
  const aligned = (cells: Row) => cells.map((cell, column) => pad(cell, widths[column] ?? 0)).join(GAP)
  if (indent + needed <= width)
    return text(
      all.flatMap((cells, index) => {
        const [first = '', ...more] = wrap(cells[last] ?? '', width - indent)
        return [
          aligned([...cells.slice(0, last), first]),
          ...more.map((line) => ' '.repeat(indent) + line),
          ...below(index - 1),
        ]
      }),
    )
  if (indent - GAP.length <= width)
    return text(
      all.flatMap((cells, index) => [
        aligned(cells.slice(0, last)),
        ...(index === 0 ? [] : below(index - 1, cells[last] ?? '')),
      ]),
    )
  return all
    .slice(1)
    .map((cells, index) => record(all[0] ?? [], cells, width) + text(below(index)))
    .join('\n')
}

/** A line for each cell that is not empty, behind its column's title. */
function record(head: Row, cells: Row, width: number): string {
  const titles = Math.max(...head.map(length)) + GAP.length
  return text(
    cells.flatMap((cell, column) =>
      cell === ''
        ? []
        : wrap(cell, width - titles).map(
            (line, row) => pad(row === 0 ? (head[column] ?? '') : '', titles) + line,
          ),
    ),
  )
}

const text = (lines: readonly string[]): string => lines.map((line) => `${line.trimEnd()}\n`).join('')

/** Removes control characters: text of a cluster or a file must not move the cursor. Our own colours are added later. */
export const printable = (text: string): string =>
  stripVTControlCharacters(text).replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ')

const length = (text: string): number => [...text].length
const pad = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - length(text)))

/** Breaks at blanks into lines of at most `room` characters. A longer word stays whole, so that a user can copy it. */
export function wrap(text: string, room: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const line = lines.at(-1)
    if (line !== undefined && length(line) + 1 + length(word) <= room)
      lines[lines.length - 1] = `${line} ${word}`
    else lines.push(word)
  }
  return lines
}
