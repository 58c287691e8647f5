/** Tries a parser of annotations with random text. */
import fc from 'fast-check'
import { expect } from 'vitest'
import { UserError } from '../../src/errors.ts'
import { FUZZ_CASES } from './fuzz.ts'

const KEY = 'hotreload.dev/key'

/** Text that is near what a parser takes, so that a property meets more than the first refusal. */
const textNear = (...tokens: string[]) =>
  fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc
      .array(fc.oneof(fc.constantFrom(...tokens), fc.string({ maxLength: 3 })))
      .map((parts) => parts.join('')),
  )

/** Throws where a parser throws what is not a UserError with a sentence fit to print. */
export function checkErrors(parser: (key: string, value: string) => unknown, ...tokens: string[]) {
  fc.assert(
    fc.property(textNear(...tokens), (text) => {
      try {
        parser(KEY, text)
      } catch (error) {
        expect(error).toBeInstanceOf(UserError)
        const { message, remedy } = error as UserError
        expect(message).toContain(KEY)
        expect(remedy).not.toBe('')
        // A value that somebody else wrote is printed on a terminal.
        expect(message).not.toMatch(/\p{Cc}/u)
        expect(message.length).toBeLessThan(400)
      }
    }),
    { numRuns: FUZZ_CASES },
  )
}
