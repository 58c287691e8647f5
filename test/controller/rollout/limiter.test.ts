import { expect, test } from 'vitest'
import { createRolloutLimiter } from '../../../src/controller/rollout/limiter.ts'

test('the limits hold in total and per namespace; a released place is free again', () => {
  const limiter = createRolloutLimiter({ total: 2, perNamespace: 1 }, () => {})
  limiter.acquire('a', 'shop', 1)
  limiter.acquire('a', 'shop', 1)
  expect([limiter.isAvailable('shop'), limiter.isAvailable('other')]).toEqual([false, true])
  limiter.acquire('b', 'other', 1)
  expect(limiter.isAvailable('third')).toBe(false)
  limiter.release('a')
  limiter.release('a')
  expect([limiter.isAvailable('shop'), limiter.inProgress()]).toEqual([true, 1])
})

test('each released place wakes the next workload that may begin', () => {
  const woken: string[] = []
  const limiter = createRolloutLimiter({ total: 2, perNamespace: 1 }, (key) => woken.push(key))
  limiter.acquire('a', 'shop', 1)
  limiter.acquire('b', 'other', 1)
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

test('namespaces take turns, and in each the workload that has waited longest is first', () => {
  const woken: string[] = []
  const limiter = createRolloutLimiter({ total: 1, perNamespace: 0 }, (key) => woken.push(key))
  for (const key of ['a1', 'a2', 'a3']) limiter.wait(key, 'a')
  for (const key of ['b1', 'b2']) limiter.wait(key, 'b')
  limiter.wait('a1', 'a')
  for (let turn = 0; turn < 6; turn++) limiter.wakeNext()
  expect(woken).toEqual(['a1', 'b1', 'a2', 'b2', 'a3'])
})

/** Milliseconds of this thread's work for as many workloads as wait in a full namespace, each of which wakes the next, or for none. */
function costOfWaiting(workloads: number): number {
  const limiter = createRolloutLimiter({ total: 0, perNamespace: 1 }, () => {})
  limiter.acquire('running', 'shop', 1)
  for (let index = 0; index < workloads; index++) limiter.wait(String(index), 'shop')
  const before = process.threadCpuUsage()
  for (let index = 0; index < workloads; index++) limiter.wakeNext()
  const { user, system } = process.threadCpuUsage(before)
  return (user + system) / 1000
}

test('the workloads that wait in a full namespace cost nothing at each wake-up', () => {
  const least = (workloads: number) => Math.min(...[1, 2, 3].map(() => costOfWaiting(workloads)))
  const tenth = least(2_000)
  // Ten-fold; a walk over all that wait takes a hundred-fold.
  expect(least(20_000)).toBeLessThan(35 * Math.max(tenth, 3))
})

test('a rollout counts as many Pods as it replaces at once, and one that begins below the limit may exceed it', () => {
  const limiter = createRolloutLimiter({ total: 10, perNamespace: 4 }, () => {})
  limiter.acquire('a', 'shop', 3)
  expect(limiter.isAvailable('shop')).toBe(true)
  limiter.acquire('b', 'shop', 5)
  expect([limiter.isAvailable('shop'), limiter.isAvailable('other')]).toEqual([false, true])
  limiter.acquire('c', 'other', 2)
  expect(limiter.isAvailable('third')).toBe(false)
  limiter.release('b')
  expect([limiter.isAvailable('shop'), limiter.isAvailable('third')]).toEqual([true, true])
})

test('a rollout without Pods counts as one', () => {
  const limiter = createRolloutLimiter({ total: 1, perNamespace: 0 }, () => {})
  limiter.acquire('a', 'shop', 0)
  expect(limiter.isAvailable('shop')).toBe(false)
})

test('the room of a large rollout is for several small ones, each of which wakes the next', () => {
  const limiter = createRolloutLimiter({ total: 4, perNamespace: 0 }, (key) =>
    limiter.acquire(key, 'shop', 1),
  )
  limiter.acquire('large', 'shop', 4)
  for (const key of ['a', 'b', 'c', 'd', 'e']) limiter.wait(key, 'shop')
  limiter.release('large')
  expect(['a', 'b', 'c', 'd', 'e'].map((key) => limiter.isInProgress(key))).toEqual([
    true,
    true,
    true,
    true,
    false,
  ])
})

test('a limit of 0 is none', () => {
  const limiter = createRolloutLimiter({ total: 0, perNamespace: 0 }, () => {})
  for (let index = 0; index < 1_000; index++) limiter.acquire(String(index), 'shop', 1)
  expect(limiter.isAvailable('shop')).toBe(true)
})
