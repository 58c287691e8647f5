import { expect, test } from 'vitest'
import { createGuard, type SetAside } from '../../../src/controller/set-aside/guard.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const MINUTE = 60_000
const object = (resourceVersion = '1', uid = 'u1') => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  namespace: 'shop',
  name: 'web',
  uid,
  resourceVersion,
})

/** A guard whose computations take as long as a test says. */
function guardOf() {
  const clock = fakeClock()
  let stopwatch = 0
  const changes: (SetAside | undefined)[] = []
  const guard = createGuard({ clock, stopwatch: () => stopwatch, onChange: (one) => changes.push(one) })
  let runs = 0
  return {
    clock,
    guard,
    changes,
    runs: () => runs,
    /** Each computation takes the next of these times, in milliseconds; the last one again and again. */
    run: (times: number[], of = object()) =>
      guard.run(of, () => {
        runs += 1
        stopwatch += (times.length > 1 ? times.shift() : times[0]) ?? 0
        return 'result'
      }),
  }
}

test('an object within the bound is computed each time, and nothing is kept of it', () => {
  const { run, guard, changes } = guardOf()
  expect([run([250]), run([0])]).toEqual(['result', 'result'])
  expect([guard.setAside(), changes]).toEqual([[], []])
})

test('an object that takes longer is set aside, by uid, and others are not', () => {
  const { run, runs, guard, changes } = guardOf()
  expect(run([300])).toBeUndefined()
  expect(guard.setAside()).toMatchObject([
    { name: 'web', resourceVersion: '1', why: 'it took 300 ms to process', times: 1 },
  ])
  expect(changes).toMatchObject([{ uid: 'u1' }])
  const before = runs()
  expect(run([0])).toBeUndefined()
  expect(runs()).toBe(before)
  expect(run([0], object('1', 'u2'))).toBe('result')
})

test('one pause of the whole process sets nothing aside', () => {
  const { run, runs, guard } = guardOf()
  expect(run([900, 1])).toBe('result')
  expect([runs(), guard.setAside()]).toEqual([2, []])
})

test('an object that takes seconds is not computed a second time', () => {
  const { run, runs } = guardOf()
  expect(run([5_000])).toBeUndefined()
  expect(runs()).toBe(1)
})

test.each([
  [
    'an endless loop',
    () => {
      for (;;);
    },
  ],
  [
    'an endless loop that catches everything',
    () => {
      for (;;)
        try {
          throw new Error('again')
        } catch {}
    },
  ],
  ['a regular expression that takes ages', () => /^(a+)+$/.test(`${'a'.repeat(60)}b`)],
])('%s is ended, and sets the object aside', (_, compute) => {
  const { guard, run } = guardOf()
  expect(guard.run(object(), compute)).toBeUndefined()
  expect(guard.setAside()).toMatchObject([{ why: 'its processing had not ended after 2000 ms' }])
  expect(run([0], object('1', 'u2'))).toBe('result')
})

test('an exception sets the object aside, and its message is not quoted', () => {
  const { guard } = guardOf()
  const fail = (): never => {
    throw new Error('a secret text')
  }
  expect(guard.run(object(), fail)).toBeUndefined()
  expect(guard.setAside()).toMatchObject([{ why: 'it could not be processed (Error)' }])
})

test('a changed object is tried again, but only a minute after it was set aside', async () => {
  const { run, runs, clock, guard, changes } = guardOf()
  run([2_000])
  for (let version = 2; version < 60; version++) {
    expect(run([0], object(`${version}`))).toBeUndefined()
    await clock.advance(1_000)
  }
  expect(runs()).toBe(1)
  await clock.advance(2_000)
  expect(guard.due()).toMatchObject([{ uid: 'u1' }])
  expect(run([0], object('60'))).toBe('result')
  expect([guard.setAside(), changes.at(-1)]).toEqual([[], undefined])
})

test('an object that does not change is tried less and less often, at least each hour', async () => {
  const { run, clock, guard } = guardOf()
  const tries: number[] = []
  const start = clock.now()
  run([2_000])
  for (let minute = 1; minute <= 300; minute++) {
    await clock.advance(MINUTE)
    if (guard.due().length === 0) continue
    tries.push((clock.now() - start) / MINUTE)
    run([2_000])
  }
  expect(tries).toEqual([1, 3, 7, 15, 31, 63, 123, 183, 243])
})

test('an object that fails again right after a success is tried less often as well', async () => {
  const { run, clock, guard } = guardOf()
  run([2_000])
  await clock.advance(MINUTE)
  expect(run([0])).toBe('result')
  run([2_000])
  expect(guard.setAside()).toMatchObject([{ times: 2 }])
})

test('what an earlier process has set aside is skipped, as long as that process would have skipped it', async () => {
  const { run, clock, guard } = guardOf()
  guard.restore([{ ...object(), why: 'it took 300 ms to process', at: clock.now() - 30_000, times: 1 }])
  expect(run([0])).toBeUndefined()
  await clock.advance(30_000)
  expect(run([0])).toBe('result')
})

test('a deleted object is forgotten', () => {
  const { run, guard } = guardOf()
  run([300])
  guard.forget('u1')
  expect(guard.setAside()).toEqual([])
  expect(run([0])).toBe('result')
})

test('10,000 objects that are set aside take bounded memory: the oldest are tried again', () => {
  const { run, guard } = guardOf()
  for (let index = 0; index < 10_000; index++) run([2_000], object('1', `u${index}`))
  expect(guard.setAside()).toHaveLength(1_000)
  expect(guard.setAside().at(-1)?.uid).toBe('u9999')
})
