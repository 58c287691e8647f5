import { expect, test } from 'vitest'
import { amount } from '../../src/workload/quantity.ts'

test.each<[string | number, number]>([
  ['1', 1],
  [1, 1],
  ['1000m', 1],
  ['0.5', 0.5],
  ['.5', 0.5],
  ['1k', 1_000],
  ['16Mi', 16 * 2 ** 20],
  ['2E', 2e18],
  ['1e3', 1_000],
  ['1E3', 1_000],
  ['1e+3', 1_000],
  ['1e-3', 0.001],
  ['250e-3', 0.25],
])('%s is %d', (quantity, expected) => expect(amount(quantity)).toBeCloseTo(expected, 12))

test.each(['', 'one', '1 MB', '1K', '-1', '1e', '1e-', '1..2', 'e3'])('%j is no quantity', (text) =>
  expect(amount(text)).toBeNaN(),
)

test('a text longer than any quantity is none', () => {
  expect(amount('1'.repeat(32))).toBeGreaterThan(1e31)
  expect(amount('1'.repeat(33))).toBeNaN()
  // A backtracking expression needs minutes for it.
  expect(amount(`${'.'.repeat(250_000)}m1`)).toBeNaN()
})
