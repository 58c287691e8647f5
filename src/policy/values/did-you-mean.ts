/** Suggests the word that a user probably meant. */

/** The known word that is most similar; undefined: no word is similar enough. */
export function didYouMean(word: string, known: readonly string[]): string | undefined {
  const most = Math.max(1, word.length / 3)
  const best = known
    // The lengths alone rule most words out.
    .filter((name) => Math.abs(name.length - word.length) <= most)
    .map((name) => ({ name, distance: editDistance(word, name) }))
    .toSorted((a, b) => a.distance - b.distance)[0]
  return best && best.distance <= most ? best.name : undefined
}

/** The number of letters to add, remove, replace or swap with their neighbour that turns one word into the other. */
function editDistance(from: string, to: string): number {
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, column) => column)]
  const at = (row: number, column: number): number => rows[row]?.[column] ?? Number.POSITIVE_INFINITY
  for (let row = 1; row <= from.length; row++) {
    rows[row] = [row]
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1]
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      rows[row]?.push(
        Math.min(
          at(row - 1, column) + 1,
          at(row, column - 1) + 1,
          at(row - 1, column - 1) + (same ? 0 : 1),
          swapped ? at(row - 2, column - 2) + 1 : Number.POSITIVE_INFINITY,
        ),
      )
    }
  }
  return at(rows.length - 1, to.length)
}
