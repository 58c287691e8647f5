import { expect, test } from 'vitest'
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
