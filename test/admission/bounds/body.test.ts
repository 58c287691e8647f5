import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseBody } from '../../../src/admission/bounds/body.ts'
import { createGate, defaultOverloadLimits } from '../../../src/admission/bounds/load-shedding.ts'

const parse = (text: string): unknown =>
  parseBody(Buffer.from(text), false, createGate(defaultOverloadLimits, () => 0).begin())

describe('a parsed review', () => {
  test('has all but the managedFields of its object, whatever these and the other fields hold', () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.array(fc.jsonValue()),
        fc.jsonValue(),
        (before, managedFields, after) => {
          const object = { before, managedFields, after }
          fc.pre(!JSON.stringify([before, managedFields]).includes(',"managedFields":['))
          expect(parse(JSON.stringify(object))).toEqual({
            ...JSON.parse(JSON.stringify(object)),
            managedFields: [],
          })
        },
      ),
      { numRuns: 2_000 },
    )
  })

  test.each([
    ['text that looks like the field', { a: 'x', b: 'y,"managedFields":[z', c: ['"managedFields":[1]'] }],
    ['a key that ends like it', { a: 1, 'x,"managedFields': [2] }],
    ['a field that is no list', { a: 1, managedFields: { b: [1] } }],
  ])('keeps %s', (_what, value) => expect(parse(JSON.stringify(value))).toEqual(value))

  test('has what follows a list with brackets, quotes and backslashes in its texts', () =>
    expect(parse(String.raw`{"a":1,"managedFields":[{"k:{\"a\":\"]\"}":{}},[["\\"]],"é"],"b":"é"}`)).toEqual({
      a: 1,
      managedFields: [],
      b: 'é',
    }))

  test.each(['{"a":1,"managedFields":[', '{"a":1,"managedFields":["]}', '{"a":1,"managedFields":[]]}'])(
    '%s is no JSON',
    (text) => expect(() => parse(text)).toThrow(`its ${text.length} bytes are not JSON`),
  )
})
