import fc from 'fast-check'
import { expect, test } from 'vitest'
import { holderOf, outermost, pathsBelow, sortPaths } from '../../src/workload/path-search.ts'
import { isAtOrBelow, normalPath } from '../../src/workload/references.ts'

const path = fc
  .array(fc.constantFrom('a', 'a-b', 'a.b', 'ab', '.', '', '~'), { maxLength: 4 })
  .map((parts) => normalPath(parts.join('/')))
const paths = fc.oneof(fc.array(path, { maxLength: 12 }), fc.array(path, { minLength: 17, maxLength: 40 }))

/** As a directory sorts before what is in it. */
const byKey = (a: string, b: string): number => (`${a}/` < `${b}/` ? -1 : 1)

test('a search finds what a look at each path finds', () => {
  fc.assert(
    fc.property(paths, path, (all, one) => {
      const sorted = sortPaths(all)
      expect(sorted.hasAtOrBelow(one)).toBe(all.some((other) => isAtOrBelow(other, one)))
      expect(sorted.hasBelow(one)).toBe(all.some((other) => other !== one && isAtOrBelow(other, one)))
      const below = all.filter((other) => other !== one && isAtOrBelow(other, one))
      expect([...pathsBelow(all)(one)]).toEqual(below.toSorted(byKey))
      const outer = new Set(
        all.filter((each) => !all.some((other) => other !== each && isAtOrBelow(each, other))),
      )
      expect(new Set(outermost(all))).toEqual(outer)
      const holder = holderOf(all)(one)
      expect(holder !== undefined).toBe([...outer].some((other) => isAtOrBelow(one, other)))
      if (holder !== undefined) expect(isAtOrBelow(one, holder)).toBe(true)
    }),
  )
})
