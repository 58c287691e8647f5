import { expect, test } from 'vitest'
import { createLog, describeError } from '../../src/telemetry/log.ts'

test('a line is JSON with time, level, message and fields, and nothing about the host', () => {
  const lines: string[] = []
  const log = createLog('info', { write: (line) => lines.push(line) })
  log.debug('unseen')
  log.info({ uid: 'u' }, 'review answered')
  expect(lines).toHaveLength(1)
  const line = JSON.parse(lines[0] ?? '')
  expect(line).toEqual({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-.*Z$/),
    uid: 'u',
    msg: 'review answered',
  })
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
  expect(described.stack).toContain('log.test.ts')
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
