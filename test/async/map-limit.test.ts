import { expect, test } from 'vitest'
import { mapLimit } from '../../src/async/map-limit.ts'

test('results are in the order of the items, and no more calls run at once than allowed', async () => {
  let running = 0
  let most = 0
  const results = await mapLimit(
    [30, 1, 20, 1, 10],
    async (milliseconds) => {
      running += 1
      most = Math.max(most, running)
      await new Promise((resolve) => setTimeout(resolve, milliseconds))
      running -= 1
      return milliseconds * 2
    },
    2,
  )
  expect(results).toEqual([60, 2, 40, 2, 20])
  expect(most).toBe(2)
})

test('the first error rejects', async () => {
  const failing = mapLimit([1, 2], async (item) => Promise.reject(new Error(`no ${item}`)))
  await expect(failing).rejects.toThrow('no 1')
})
