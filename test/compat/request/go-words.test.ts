import { expect, test } from 'vitest'
import { commaList, csvList, goBool } from '../../../src/compat/request/go-words.ts'

test.each([
  ['1', true],
  ['T', true],
  ['True', true],
  ['0', false],
  ['FALSE', false],
  ['yes', undefined],
  ['tRUE', undefined],
  ['', undefined],
  [undefined, undefined],
])('%j is %s', (text, expected) => expect(goBool(text)).toBe(expected))

test('a comma list has no empty items and no spaces around items', () => {
  expect(commaList(' a, ,b,')).toEqual(['a', 'b'])
  expect(commaList(undefined)).toEqual([])
})

test.each([
  ['', []],
  ['a, b,', ['a', 'b']],
  ['"a","b"', ['a', 'b']],
  ['"a,b", c', ['a,b', 'c']],
  ['"say ""hi"""', ['say "hi"']],
  ['a"b"', undefined],
  ['"a', undefined],
  ['"a"b', undefined],
])('as CSV, %s is %j', (text, items) => expect(csvList(text)).toEqual(items))
