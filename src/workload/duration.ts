/** Durations as Go's time.ParseDuration reads them. Pure. */

const unitSeconds: Readonly<Record<string, number>> = {
  ns: 1e-9,
  us: 1e-6,
  µs: 1e-6,
  μs: 1e-6,
  ms: 0.001,
  s: 1,
  m: 60,
  h: 3600,
}

const PART = String.raw`(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)`
const duration = new RegExp(`^\\+?(?:${PART})+$`)
const parts = new RegExp(PART, 'g')

/** `100h59m59s999ms` has 14. */
const MOST_CHARACTERS = 100

/** The longest that Go has: 2^63 - 1 ns, 292 years. */
export const MOST_SECONDS = 9_223_372_036

/** Seconds, from `90s`, `1m30s`, `500ms` or `0`. Undefined: not a duration, or a negative one. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0
  if (text.length > MOST_CHARACTERS || !duration.test(text)) return undefined
  const seconds = [...text.matchAll(parts)].reduce(
    (sum, [, amount, unit = '']) => sum + Number(amount) * (unitSeconds[unit] ?? 0),
    0,
  )
  return seconds > MOST_SECONDS ? undefined : seconds
}
