import { expect, test } from 'vitest'
import { createQueue } from '../../src/async/queue.ts'
import { fakeClock } from '../support/fake-clock.ts'

function setUp({ concurrency = 2, fail = 0 } = {}) {
  const clock = fakeClock(0)
  const log: string[] = []
  const ends = new Map<string, () => void>()
  let failures = fail
  const queue = createQueue({
    clock,
    concurrency,
    async run(key) {
      log.push(`${clock.now()} ${key}`)
      if (failures-- > 0) throw new Error('no')
      if (key.startsWith('slow')) await new Promise<void>((resolve) => ends.set(key, resolve))
    },
    onError: (key) => log.push(`${clock.now()} ${key} failed`),
  })
  return { clock, log, queue, end: (key: string) => ends.get(key)?.() }
}

test('a key that is added often runs once, at the earliest time asked for', async () => {
  const { clock, log, queue } = setUp()
  queue.add('a', 5_000)
  queue.add('a', 1_000)
  queue.add('a', 3_000)
  await clock.advance(10_000)
  expect(log).toEqual(['1000 a'])
  expect(queue.size()).toBe(0)
})

test('no key runs twice at once; what comes while it runs makes it run again', async () => {
  const { clock, log, queue, end } = setUp()
  queue.add('slow')
  await clock.advance(100)
  queue.add('slow')
  queue.add('slow')
  await clock.advance(100)
  expect(log).toEqual(['0 slow'])
  end('slow')
  await clock.advance(0)
  expect(log).toEqual(['0 slow', '200 slow'])
})

test('not more at once than allowed, in the order they came', async () => {
  const { clock, log, queue, end } = setUp()
  for (const key of ['slow1', 'slow2', 'a', 'b']) queue.add(key)
  await clock.advance(100)
  expect(log).toEqual(['0 slow1', '0 slow2'])
  end('slow2')
  await clock.advance(0)
  expect(log).toEqual(['0 slow1', '0 slow2', '100 a', '100 b'])
})

test('a failure is tried again, each time after twice as long', async () => {
  const { clock, log, queue } = setUp({ fail: 3 })
  queue.add('a')
  await clock.advance(60_000)
  expect(log.filter((line) => !line.endsWith('failed'))).toEqual(['0 a', '1000 a', '3000 a', '7000 a'])
})

test('what is removed or comes after the end does not run', async () => {
  const { clock, log, queue } = setUp()
  queue.add('a', 1_000)
  queue.remove('a')
  queue.add('b', 1_000)
  queue.stop()
  queue.add('c')
  await clock.advance(5_000)
  expect(log).toEqual([])
})

test('a time beyond what a timer can count does not run at once, and again and again', async () => {
  const asked: number[] = []
  const clock = { now: () => 0, after: (milliseconds: number) => (asked.push(milliseconds), () => {}) }
  const queue = createQueue({ clock, concurrency: 1, run: async () => {}, onError() {} })
  queue.add('a', 100 * 365 * 86_400_000)
  // setTimeout takes 1 ms for anything over 2^31 - 1.
  expect(asked).toEqual([86_400_000])
})

test('what is due now runs now, though the clock has jumped past the time that was asked for before', async () => {
  let now = 0
  const log: string[] = []
  const clock = { now: () => now, after: () => () => {} }
  const queue = createQueue({ clock, concurrency: 1, run: async (key) => void log.push(key), onError() {} })
  queue.add('a', 600_000)
  now = 3_600_000
  queue.add('a')
  expect(log).toEqual(['a'])
})
