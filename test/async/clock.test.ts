import { expect, test, vi } from 'vitest'
import { systemClock } from '../../src/async/clock.ts'

test('a timer fires after its time, unless it is cancelled', async () => {
  const startedAt = systemClock.now()
  let isCancelled = true
  const cancel = systemClock.after(1, () => (isCancelled = false))
  cancel()
  await new Promise<void>((resolve) => systemClock.after(20, resolve))
  expect(systemClock.now() - startedAt).toBeGreaterThanOrEqual(19)
  expect(isCancelled).toBe(true)
})

test('now() goes on as before where somebody sets the clock, and wall() follows', () => {
  const [now, wall] = [systemClock.now(), systemClock.wall()]
  vi.useFakeTimers({ toFake: ['Date'], now: wall - 7_200_000 })
  const passed = { now: systemClock.now() - now, wall: systemClock.wall() - wall }
  vi.useRealTimers()
  expect(passed).toEqual({ now: expect.closeTo(0, -4), wall: -7_200_000 })
  expect(passed.now).toBeGreaterThanOrEqual(0)
})
