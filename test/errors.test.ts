import { expect, test } from 'vitest'
import { describeError, UserError } from '../src/errors.ts'

test('a UserError names the problem, the remedy and the code', () => {
  const error = new UserError('HR_BAD_FLAG', '--port: "x" is not a port', 'use a number')
  expect(error.message).toBe('--port: "x" is not a port; use a number [HR_BAD_FLAG]')
  expect(describeError(error)).toEqual({ error: error.message })
})

test('an error that quotes its input is logged by name and place only', () => {
  let thrown: unknown
  try {
    JSON.parse('{"password": s3cret}')
  } catch (error) {
    thrown = error
  }
  const described = describeError(thrown)
  expect(described.error).toBe('SyntaxError')
  expect(described.stack).toContain('errors.test.ts')
  expect(JSON.stringify(described)).not.toContain('s3c')
})

test.each([
  [
    new TypeError("Cannot read properties of null (reading 'containers')"),
    /^TypeError: Cannot read .*'containers'\)$/,
  ],
  [Object.assign(new Error('connect to s3cret'), { code: 'ECONNREFUSED' }), /^Error ECONNREFUSED$/],
  ['s3cret', /^string$/],
])('%s', (error, expected) => expect(describeError(error).error).toMatch(expected))
