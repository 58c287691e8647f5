/** Readers of values whose shape is not known: what the API server, a manifest or an annotation holds. Pure. */

/** Whether it is a JSON object: no list, and not null. */
export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Its own field of that name; undefined where there is none. */
export const property = (value: unknown, field: string): unknown =>
  isObject(value) && Object.hasOwn(value, field) ? value[field] : undefined

/** The entries that are text; none where `value` is no JSON object. */
export const textEntries = (value: unknown): [string, string][] =>
  isObject(value)
    ? Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string')
    : []

/**
 * Levels of an object, of which an ordinary one has 14. The API server stores custom resources with up to 10,000, and a recursion through them
 * all would overflow the stack.
 */
const LEVELS = 256

/** The value without null fields and entries: what is null is absent. Below so many levels it stays as it is. */
export const withoutNulls = <T>(value: T): T => present(value, LEVELS) as T

function present(value: unknown, levels: number): unknown {
  if (levels === 0) return value
  if (Array.isArray(value)) return value.filter((one) => one !== null).map((one) => present(one, levels - 1))
  if (!isObject(value)) return value
  const fields = Object.entries(value).filter(([, field]) => field !== null)
  return Object.fromEntries(fields.map(([name, field]) => [name, present(field, levels - 1)]))
}

/** Undefined: the text is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
