import { expect, test } from 'vitest'
import { createRolloutLimiter } from '../../../src/controller/rollout/limiter.ts'

test('the limits hold in total and per namespace; a released place is free again', () => {
  const limiter = createRolloutLimiter({ total: 2, perNamespace: 1 }, () => {})
  limiter.acquire('a', 'shop')
  limiter.acquire('a', 'shop')
  expect([limiter.isAvailable('shop'), limiter.isAvailable('other')]).toEqual([false, true])
  limiter.acquire('b', 'other')
  expect(limiter.isAvailable('third')).toBe(false)
  limiter.release('a')
  limiter.release('a')
  expect([limiter.isAvailable('shop'), limiter.inProgress()]).toEqual([true, 1])
})

test('each released place wakes the workload that has waited longest and may begin', () => {
  const woken: string[] = []
  const limiter = createRolloutLimiter({ total: 2, perNamespace: 1 }, (key) => woken.push(key))
  limiter.acquire('a', 'shop')
  limiter.acquire('b', 'other')
  limiter.wait('c', 'other')
  limiter.wait('d', 'shop')
  limiter.wait('e', 'shop')
  limiter.release('a')
  expect(woken).toEqual(['d'])
  limiter.cancel('c')
  limiter.release('a')
  limiter.wakeNext()
  expect(woken).toEqual(['d', 'e'])
})

test('a limit of 0 is none', () => {
  const limiter = createRolloutLimiter({ total: 0, perNamespace: 0 }, () => {})
  for (let index = 0; index < 1_000; index++) limiter.acquire(String(index), 'shop')
  expect(limiter.isAvailable('shop')).toBe(true)
})
