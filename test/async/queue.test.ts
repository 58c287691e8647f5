import { expect, test } from 'vitest'
import { createQueue, earliest } from '../../src/async/queue.ts'
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

test('a key that is added several times runs once, at the earliest of the times', async () => {
  const { clock, log, queue } = setUp()
  queue.add('a', 5_000)
  queue.add('a', 1_000)
  queue.add('a', 3_000)
  await clock.advance(10_000)
  expect(log).toEqual(['1000 a'])
  expect(queue.size()).toBe(0)
})

test('no key runs twice at once; one that is added while it runs runs again', async () => {
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

test('no more keys run at once than allowed, in the order of their addition', async () => {
  const { clock, log, queue, end } = setUp()
  for (const key of ['slow1', 'slow2', 'a', 'b']) queue.add(key)
  await clock.advance(100)
  expect(log).toEqual(['0 slow1', '0 slow2'])
  end('slow2')
  await clock.advance(0)
  expect(log).toEqual(['0 slow1', '0 slow2', '100 a', '100 b'])
})

test('a failed key runs again, each time after twice the delay', async () => {
  const { clock, log, queue } = setUp({ fail: 3 })
  queue.add('a')
  await clock.advance(60_000)
  expect(log.filter((line) => !line.endsWith('failed'))).toEqual(['0 a', '1000 a', '3000 a', '7000 a'])
})

test('a key runs again after the delay that its run returns', async () => {
  const clock = fakeClock(0)
  const times: number[] = []
  const run = async () => (times.push(clock.now()) < 3 ? 2_000 : undefined)
  const queue = createQueue({ clock, concurrency: 1, run, onError() {} })
  queue.add('a')
  await clock.advance(60_000)
  expect(times).toEqual([0, 2_000, 4_000])
  expect(queue.size()).toBe(0)
})

test('a key that is removed, or added after stop, does not run', async () => {
  const { clock, log, queue } = setUp()
  queue.add('a', 1_000)
  queue.remove('a')
  queue.add('b', 1_000)
  queue.stop()
  queue.add('c')
  await clock.advance(5_000)
  expect(log).toEqual([])
})

test('a delay beyond a timer’s range does not run the key at once', async () => {
  const delays: number[] = []
  const after = (milliseconds: number) => (delays.push(milliseconds), () => {})
  const clock = { ...fakeClock(), after }
  const queue = createQueue({ clock, concurrency: 1, run: async () => {}, onError() {} })
  queue.add('a', 100 * 365 * 86_400_000)
  // setTimeout takes 1 ms for anything over 2^31 - 1.
  expect(delays).toEqual([86_400_000])
})

test('a key without delay runs now, though the clock has jumped past its earlier time', async () => {
  let now = 0
  const log: string[] = []
  const clock = { ...fakeClock(), now: () => now, after: () => () => {} }
  const queue = createQueue({ clock, concurrency: 1, run: async (key) => void log.push(key), onError() {} })
  queue.add('a', 600_000)
  now = 3_600_000
  queue.add('a')
  expect(log).toEqual(['a'])
})

test('a run says when its key runs again, unless it is added for an earlier time', async () => {
  const clock = fakeClock(0)
  const log: number[] = []
  const queue = createQueue({
    clock,
    concurrency: 1,
    async run() {
      log.push(clock.now())
      return clock.now() < 10_000 ? 5_000 : undefined
    },
    onError() {},
  })
  queue.add('a')
  await clock.advance(6_000)
  queue.add('a', 1_000)
  await clock.advance(60_000)
  expect(log).toEqual([0, 5_000, 7_000, 12_000])
  expect(queue.size()).toBe(0)
})

test('the earliest of several times', () => {
  expect(earliest(undefined, 5, 3)).toBe(3)
  expect(earliest(undefined)).toBeUndefined()
})

test('runs that wait for nothing leave turns to timers and connections', async () => {
  let now = 0
  const order: string[] = []
  const queue = createQueue({
    clock: { now: () => now, wall: () => now, after: () => () => undefined },
    concurrency: 2,
    async run(key) {
      now += 30
      order.push(key)
    },
    onError() {},
  })
  for (let index = 0; index < 100; index++) queue.add(`k${index}`)
  const otherTurns = new Promise<void>((resolve) => {
    const takeTurn = (): void => {
      order.push('other')
      if (queue.size() > 0) setImmediate(takeTurn)
      else resolve()
    }
    setImmediate(takeTurn)
  })
  await otherTurns
  expect(order.indexOf('other')).toBeLessThan(6)
  expect(order.filter((one) => one !== 'other')).toHaveLength(100)
})
