/** Annotations whose keys Reloader's flags have renamed, such as `--auto-annotation`. Pure. */
import type { CompatOptions } from '../request/options.ts'
import type { Annotations } from './annotations.ts'

/** The annotations under Reloader's own keys. What has such a key although it is renamed is another program's. */
export function withOwnKeys(
  annotations: Annotations = {},
  { renamedKeys }: Pick<CompatOptions, 'renamedKeys'>,
): Annotations {
  if (renamedKeys.size === 0) return annotations
  const own = Object.entries(annotations).filter(([key]) => !renamedKeys.has(key))
  for (const [key, inUse] of renamedKeys)
    if (annotations[inUse] !== undefined) own.push([key, annotations[inUse]])
  return Object.fromEntries(own)
}

/** A sentence that begins with a key, with the key that users write. */
export function withRenamedKey(
  sentence: string,
  { renamedKeys }: Pick<CompatOptions, 'renamedKeys'>,
): string {
  const renamed = [...renamedKeys].find(([key]) => sentence.startsWith(`${key}:`))
  return renamed ? renamed[1] + sentence.slice(renamed[0].length) : sentence
}
