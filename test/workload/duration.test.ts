import { expect, test } from 'vitest'
import { parseDuration } from '../../src/workload/duration.ts'

test.each([
  ['0', 0],
  ['0s', 0],
  ['90s', 90],
  ['1m30s', 90],
  ['1.5h', 5400],
  ['500ms', 0.5],
  ['+5s', 5],
  ['.5s', 0.5],
  ['1.s', 1],
  ['1µs', 1e-6],
  ['3us2ns', 3.002e-6],
])('%s is %d seconds', (text, seconds) => expect(parseDuration(text)).toBeCloseTo(seconds, 12))

test.each(['', '5', '-1s', '1d', 's', '.s', '1 m', '1e3s', '1m-', ' 1m'])('%j is no duration', (text) =>
  expect(parseDuration(text)).toBeUndefined(),
)

test('more than Go has is none: the agent reads no such number', () => {
  expect(parseDuration('2562047h')).toBe(9_223_369_200)
  expect(parseDuration('2562048h')).toBeUndefined()
  expect(parseDuration(`${'9'.repeat(90)}s`)).toBeUndefined()
})

test('a text longer than any duration is none', () => {
  expect(parseDuration(`${'0'.repeat(98)}1s`)).toBe(1)
  expect(parseDuration(`${'0'.repeat(99)}1s`)).toBeUndefined()
  // A backtracking expression needs minutes for it.
  expect(parseDuration('1'.repeat(250_000))).toBeUndefined()
})
