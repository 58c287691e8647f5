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

test('a pause empties the bucket and lasts its time', async () => {
  const clock = fakeClock(0)
  const rate = createTokenBucket(clock, 50, 100)
  rate.pause(1_000)
  expect([rate.take(), rate.take()]).toEqual([1_000, 1_020])
  await clock.advance(1_020)
  // A shorter one that would end before those that wait changes nothing.
  rate.pause(0)
  expect(rate.take()).toBe(20)
})
