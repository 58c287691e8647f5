/** Names of what is added to a Pod. */
import { createHash } from 'node:crypto'

/** A name of an API object has 63 characters at most; a longer one of ours is cut and ends in a short hash. */
export function nameFor(...parts: string[]): string {
  const name = parts.join('-')
  if (name.length <= 63) return name
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 8)
  return `${name.slice(0, 54).replace(/-+$/, '')}-${hash}`
}
