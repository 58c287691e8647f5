import { expect, test } from 'vitest'
import { rounds } from '../../../src/controller/pods/pod-nudger.ts'

test.each<[string, number | undefined, string[][]]>([
  ['all at once without a canary', undefined, [['a', 'b', 'c']]],
  ['a canary Pod first', 1, [['a'], ['b', 'c']]],
  ['all at once where every Pod is a canary', 3, [['a', 'b', 'c']]],
])('Pods are nudged %s', (_name, canary, expected) => {
  expect(rounds(['a', 'b', 'c'], canary)).toEqual(expected)
  expect(rounds([], canary)).toEqual([])
})
