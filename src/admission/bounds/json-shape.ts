/**
 * Counts the values of a JSON text before JSON.parse builds them: three bytes (`{},`) become some hundred in the heap, so the length of a
 * text says little about its cost. One pass over the bytes; what is no JSON is left to the parser.
 */

export interface JsonShape {
  /** Objects, lists, and the commas between entries: within a few of the number of values. */
  values: number
  depth: number
}

const [QUOTE, COMMA, BACKSLASH] = [0x22, 0x2c, 0x5c]
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d]

/** @param limit the pass ends where the shape exceeds it; what it returns then exceeds it too */
export function jsonShape(text: Uint8Array, limit: JsonShape): JsonShape {
  let values = 0
  let depth = 0
  let deepest = 0
  for (let at = 0; at < text.length; at += 1) {
    switch (text[at]) {
      case QUOTE:
        at = endOfString(text, at)
        break
      case COMMA:
        values += 1
        break
      case OPEN_LIST:
      case OPEN_OBJECT:
        values += 1
        depth += 1
        if (depth > deepest) deepest = depth
        if (values > limit.values || deepest > limit.depth) return { values, depth: deepest }
        break
      case CLOSE_LIST:
      case CLOSE_OBJECT:
        depth -= 1
        break
      default:
    }
  }
  return { values, depth: deepest }
}

/** The place of the bracket that closes the list which opens at `start`, or the end of the text. */
export function endOfList(text: Uint8Array, start: number): number {
  let depth = 0
  for (let at = start; at < text.length; at += 1) {
    const byte = text[at]
    if (byte === QUOTE) at = endOfString(text, at)
    else if (byte === OPEN_LIST) depth += 1
    else if (byte === CLOSE_LIST) depth -= 1
    if (depth === 0) return at
  }
  return text.length
}

/** The closing quote's place, or the end of the text. */
function endOfString(text: Uint8Array, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] === QUOTE) return at
    if (text[at] === BACKSLASH) at += 1
  }
  return text.length
}
