import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { jsonShape } from '../../../src/admission/bounds/json-shape.ts'
import { FUZZ_CASES } from '../../support/fuzz.ts'

const NONE = { values: Number.POSITIVE_INFINITY, depth: Number.POSITIVE_INFINITY }
const shape = (text: string, limit = NONE) => jsonShape(Buffer.from(text), limit)

/** Objects, lists and commas, as JSON.parse sees them. */
function counted(value: unknown): { values: number; depth: number } {
  if (typeof value !== 'object' || value === null) return { values: 0, depth: 0 }
  const inner = Object.values(value).map(counted)
  return {
    values: inner.reduce((sum, { values }) => sum + values, 1 + Math.max(0, inner.length - 1)),
    depth: 1 + Math.max(0, ...inner.map(({ depth }) => depth)),
  }
}

describe('the shape of a JSON text', () => {
  test('is that of its value, whatever stands in its strings and between its tokens', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(0, 2), (value, space) => {
        expect(shape(JSON.stringify(value, undefined, space))).toEqual(counted(value))
      }),
      { numRuns: FUZZ_CASES },
    )
  })

  test.each([
    ['brackets and commas in a string', '"[[[,,,{"', { values: 0, depth: 0 }],
    ['an escaped quote', String.raw`["\"[,"]`, { values: 1, depth: 1 }],
    ['an escaped backslash before the quote', String.raw`["\\",["x"]]`, { values: 3, depth: 2 }],
    ['a string without an end', '["abc', { values: 1, depth: 1 }],
    ['an escape at the end', String.raw`["abc\ `.trim(), { values: 1, depth: 1 }],
    ['nothing', '', { values: 0, depth: 0 }],
    ['closing brackets only', ']]]}', { values: 0, depth: 0 }],
  ])('%s', (_what, text, expected) => expect(shape(text)).toEqual(expected))

  test.each([
    ['lists in lists', '['.repeat(8_000_000)],
    ['empty objects', '{},'.repeat(2_000_000)],
  ])('the pass over %s ends at the limit', (_what, text) => {
    const limit = { values: 100, depth: 10 }
    const { values, depth } = shape(text, limit)
    expect(values > limit.values || depth > limit.depth).toBe(true)
    expect(values).toBeLessThan(300)
  })
})
