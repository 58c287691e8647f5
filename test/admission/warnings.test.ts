import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { boundWarnings, MAX_WARNING_LENGTH, MAX_WARNINGS, oneLine } from '../../src/admission/warnings.ts'

describe('warnings', () => {
  test.each([
    ['nothing', [], []],
    ['what is short and clean stays', ['a', 'b'], ['a', 'b']],
    ['the same twice is said once', ['a', 'a'], ['a']],
    ['empty ones are left out', ['', ' \n', 'a'], ['a']],
    ['newlines and escapes become a space', ['a\r\n\u001b[31mred\u0007'], ['a [31mred']],
    ['bidirectional overrides do too', ['a\u202eb'], ['a b']],
  ])('%s', (_what, given, expected) => expect(boundWarnings(given)).toEqual(expected))

  test('the last one counts the omitted ones', () => {
    const bounded = boundWarnings(['1', '2', '3', '4', '5', '6', '7'])
    expect(bounded.slice(0, 4)).toEqual(['1', '2', '3', '4'])
    expect(bounded[4]).toMatch(/^and 3 more warnings/)
  })

  test('a cut never leaves half a character', () => {
    expect(oneLine('ab😀cd', 4)).toBe('ab…')
    expect(oneLine('ab😀cd', 6)).toBe('ab😀cd')
  })

  test('a megabyte is cut to one line', () => expect(oneLine('x'.repeat(1_000_000), 120)).toHaveLength(120))

  test('the limits hold for any input', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 600 }), { maxLength: 12 }), (warnings) => {
        const bounded = boundWarnings(warnings)
        expect(bounded.length).toBeLessThanOrEqual(MAX_WARNINGS)
        for (const warning of bounded) {
          expect(warning.length).toBeLessThanOrEqual(MAX_WARNING_LENGTH)
          expect(warning).not.toMatch(/\p{Cc}|\u2028|\u2029/u)
        }
      }),
    )
  })
})
