/**
 * Limits warnings to what kubectl may print: few, short, and safe on a terminal. The handlers write them.
 */

/** More would scroll the user's command away. The API server itself cuts all warnings of a response at 4 KiB. */
export const MAX_WARNINGS = 5

/** In UTF-16 units. The API server cuts at 256; its documents ask for 120 "if possible", which has no room for a name and a remedy. */
export const MAX_WARNING_LENGTH = 256

/** C0, DEL, C1, line and paragraph separators, and the marks that reorder text: a warning may quote a value that contains any of them. */
// oxlint-disable-next-line no-control-regex -- it matches control characters on purpose
const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu

/** Makes `text` one line: each run of unprintable characters becomes a space, and a text over `limit` is cut and ends in an ellipsis. */
export function oneLine(text: string, limit: number): string {
  // Cut before the replacement too: no need to search a megabyte of an annotation for its first line.
  const clean = text
    .slice(0, limit * 4)
    .replaceAll(unprintable, ' ')
    .trim()
  if (clean.length <= limit && text.length <= limit * 4) return clean
  // Half of a surrogate pair at the cut would become U+FFFD in the response.
  return `${clean.slice(0, limit - 1).replace(/[\ud800-\udbff]$/u, '')}…`
}

/** At most MAX_WARNINGS of `warnings`, none empty and none twice. If some are left out, the last line counts them. */
export function boundWarnings(warnings: readonly string[]): string[] {
  if (warnings.length === 0) return []
  const lines = new Set(warnings.map((warning) => oneLine(warning, MAX_WARNING_LENGTH)))
  lines.delete('')
  if (lines.size <= MAX_WARNINGS) return [...lines]
  const shown = MAX_WARNINGS - 1
  return [
    ...[...lines].slice(0, shown),
    `and ${lines.size - shown} more warnings; \`hotreload inject -f FILE\` prints them all`,
  ]
}
