/** Rounds of measurements as a table, which compares each variant with the first one of the same round. Pure. */

/** Milliseconds of each variant, one for each round. */
export type Samples = ReadonlyMap<string, readonly number[]>

/** @param values at least one */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2
}

/** Differences are medians over the rounds: other work on the machine affects both variants of a round. */
export function table(samples: Samples, added: (variant: string) => string): string[] {
  const [base = []] = samples.values()
  const rows = [...samples].map(([variant, values]) => {
    const more = values.map((value, round) => value - (base[round] ?? Number.NaN))
    return [
      variant.padEnd(16),
      seconds(median(values)).padStart(7),
      `${seconds(Math.min(...values))}–${seconds(Math.max(...values))}`.padStart(12),
      (values === base ? '' : signed(median(more))).padStart(8),
      (values === base ? '' : (median(values) / median(base)).toFixed(2)).padStart(6),
      ` ${added(variant)}`,
    ].join('')
  })
  return ['variant          median     min–max   − plain  ratio added', ...rows]
}

const seconds = (milliseconds: number): string => (milliseconds / 1_000).toFixed(2)
const signed = (milliseconds: number): string => `${milliseconds < 0 ? '' : '+'}${seconds(milliseconds)}`
