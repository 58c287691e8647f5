import { expect, test } from 'vitest'
import { createTokenBucket } from '../../src/async/token-bucket.ts'
import { fakeClock } from '../support/fake-clock.ts'

test('a burst of a hundred at once, then fifty a second', async () => {
  const clock = fakeClock(0)
  const rate = createTokenBucket(clock, 50, 100)
  const delays = Array.from({ length: 151 }, () => rate.take())
  expect(delays.filter((delay) => delay === 0)).toHaveLength(100)
  expect(delays[100]).toBe(20)
  expect(delays[150]).toBe(1_020)
  await clock.advance(60_000)
  expect(rate.take()).toBe(0)
})
