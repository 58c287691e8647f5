/** Searches many normalized paths in logarithmic time, because a manifest may hold thousands of mounts and items. Pure. */

import { isAtOrBelow } from './references.ts'

/** So few paths are read one by one: an ordinary Pod has no more, and admission has microseconds only. */
const FEW = 16

/** With this ending, a directory's text is the beginning of the text of each path in it. */
const keyOf = (path: string): string => (path === '' || path.endsWith('/') ? path : `${path}/`)

/** The position of the first text that is not before `text`. */
function lowerBound(sorted: readonly string[], text: string): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] ?? '') < text) low = middle + 1
    else high = middle
  }
  return low
}

export interface SortedPaths {
  /** Whether some path is `directory` or lies in it. */
  hasAtOrBelow(directory: string): boolean
  /** Whether some path lies in `directory`. */
  hasBelow(directory: string): boolean
}

export function sortPaths(paths: readonly string[]): SortedPaths {
  if (paths.length <= FEW)
    return {
      hasAtOrBelow: (directory) => paths.some((path) => isAtOrBelow(path, directory)),
      hasBelow: (directory) => paths.some((path) => path !== directory && isAtOrBelow(path, directory)),
    }
  const keys = paths.map(keyOf).toSorted()
  const hasFrom = (text: string, directory: string) =>
    keys[lowerBound(keys, text)]?.startsWith(directory) === true
  return {
    hasAtOrBelow: (directory) => hasFrom(keyOf(directory), keyOf(directory)),
    hasBelow: (directory) => hasFrom(`${keyOf(directory)}\0`, keyOf(directory)),
  }
}

/** Finds the paths that lie in a directory, sorted. */
export function pathsBelow(paths: readonly string[]): (directory: string) => Iterable<string> {
  const keys = paths.map(keyOf).toSorted()
  return function* (directory) {
    const start = keyOf(directory)
    for (const key of keys.slice(lowerBound(keys, `${start}\0`))) {
      if (!key.startsWith(start)) return
      yield pathOf(key)
    }
  }
}

/** Undoes keyOf. */
const pathOf = (key: string): string => (key === '' || key === '/' ? key : key.slice(0, -1))

/** The keys of the directories that lie in no other one of them, each once and sorted. */
function outermostKeys(directories: readonly string[]): string[] {
  const found: string[] = []
  for (const key of new Set(directories.map(keyOf).toSorted())) {
    const last = found.at(-1)
    if (last === undefined || !key.startsWith(last)) found.push(key)
  }
  return found
}

/** The directories that lie in no other one of them, each once. */
export const outermost = (directories: readonly string[]): string[] => outermostKeys(directories).map(pathOf)

/** Finds a directory that is a path, or holds it; undefined: none does. */
export function holderOf(directories: readonly string[]): (path: string) => string | undefined {
  if (directories.length <= FEW) return (path) => directories.find((one) => isAtOrBelow(path, one))
  const keys = outermostKeys(directories)
  return (path) => {
    const key = keyOf(path)
    // No directory holds another one, so that only the last one before the path can hold it.
    const holder = keys[lowerBound(keys, `${key}\0`) - 1]
    return holder !== undefined && key.startsWith(holder) ? pathOf(holder) : undefined
  }
}
