import { expect, test } from 'vitest'
import { createNudgeLimiter } from '../../../src/controller/pods/nudge-limiter.ts'
import { type FakeClock, fakeClock } from '../../support/fake-clock.ts'

const limiterOf = (clock: FakeClock, perSecond?: number) =>
  createNudgeLimiter(
    clock,
    (milliseconds) => new Promise((resolve) => void clock.after(milliseconds, resolve)),
    perSecond,
  )

/** Takes as many turns at once. @returns how many have come */
function turns(limiter: ReturnType<typeof limiterOf>, nodes: readonly (string | undefined)[]): () => number {
  let come = 0
  for (const node of nodes) void limiter.turn(node).then(() => (come += 1))
  return () => come
}

const on = (nodes: number, pods: number) =>
  Array.from({ length: pods }, (_, index) => `node-${index % nodes}`)

test('a thousand Pods of a hundred nodes are nudged within five seconds', async () => {
  const clock = fakeClock()
  const come = turns(limiterOf(clock), on(100, 1_000))
  await clock.advance(0)
  expect(come()).toBe(100)
  await clock.advance(1_000)
  expect(come()).toBe(300)
  await clock.advance(3_500)
  expect(come()).toBe(1_000)
})

test('one node gets fifty nudges at once, and then fifty a second, while other nodes get theirs', async () => {
  const clock = fakeClock()
  const limiter = limiterOf(clock)
  const come = turns(limiter, on(1, 90))
  await clock.advance(0)
  expect(come()).toBe(50)
  const others = turns(limiter, ['other', undefined])
  await clock.advance(0)
  expect(others()).toBe(2)
  await clock.advance(400)
  expect(come()).toBe(70)
  await clock.advance(600)
  expect(come()).toBe(90)
})

test('no turn comes in a pause, also none that was promised before, and no burst after it', async () => {
  const clock = fakeClock()
  const limiter = limiterOf(clock)
  const come = turns(limiter, on(100, 300))
  await clock.advance(100)
  expect(come()).toBe(120)
  limiter.pause(5)
  await clock.advance(4_999)
  expect(come()).toBe(120)
  await clock.advance(101)
  expect(come()).toBeLessThanOrEqual(141)
  await clock.advance(2_000)
  expect(come()).toBe(300)
})

test('a pause ends, whatever time the API server names', async () => {
  const clock = fakeClock()
  const limiter = limiterOf(clock)
  limiter.pause(86_400)
  const come = turns(limiter, on(1, 1))
  await clock.advance(30_000)
  expect(come()).toBe(1)
})

test('0 is no limit but the one of each node, and pauses hold too', async () => {
  const clock = fakeClock()
  const limiter = limiterOf(clock, 0)
  const come = turns(limiter, on(100, 5_000))
  await clock.advance(0)
  expect(come()).toBe(5_000)
  limiter.pause()
  const more = turns(limiter, on(100, 1))
  await clock.advance(999)
  expect(more()).toBe(0)
  await clock.advance(1)
  expect(more()).toBe(1)
})
