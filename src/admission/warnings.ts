/**
 * Warnings as kubectl may print them. Not what they say: the handlers' words come in, text that is safe on a terminal goes out.
 */

/** More than this scrolls away what the user typed; the API server itself cuts all warnings of a response at 4 KiB. */
export const MAX_WARNINGS = 5

/** In UTF-16 units. Kubernetes asks for this ("limit warnings to 120 characters", extensible-admission-controllers) and cuts at 256. */
export const MAX_WARNING_LENGTH = 120

/** C0, DEL, C1, line and paragraph separators, and the marks that reorder text: a value quoted in a warning may hold any of them. */
// oxlint-disable-next-line no-control-regex -- control characters are what this is about
const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu

/** One line of text: unprintable runs become a space, and what is over `limit` is cut and ends in an ellipsis. */
export function oneLine(text: string, limit: number): string {
  // Cut before the replacement too: a megabyte of an annotation need not be searched to show its first line.
  const clean = text
    .slice(0, limit * 4)
    .replaceAll(unprintable, ' ')
    .trim()
  if (clean.length <= limit && text.length <= limit * 4) return clean
  // Half a surrogate pair at the cut would become U+FFFD on the wire.
  return `${clean.slice(0, limit - 1).replace(/[\ud800-\udbff]$/u, '')}…`
}

/** At most MAX_WARNINGS of them, none empty and none twice; the last one counts those left out. */
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
