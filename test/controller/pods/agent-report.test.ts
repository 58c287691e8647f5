import { describe, expect, test } from 'vitest'
import { createTokenBucket } from '../../../src/async/token-bucket.ts'
import { agentState, podState } from '../../../src/controller/pods/agent-report.ts'
import { rounds } from '../../../src/controller/pods/nudge.ts'
import { createRolloutLimiter } from '../../../src/controller/rollout/limiter.ts'
import { createRevertGuard, WITHIN } from '../../../src/controller/rollout/revert-guard.ts'
import { fakeClock } from '../../support/fake-clock.ts'

test.each<[string, number | undefined, string[][]]>([
  ['all at once', undefined, [['a', 'b', 'c']]],
  ['one first', 1, [['a'], ['b', 'c']]],
  ['as many first as there are', 3, [['a', 'b', 'c']]],
])('Pods are told %s', (_name, canary, expected) => {
  expect(rounds(['a', 'b', 'c'], canary)).toEqual(expected)
  expect(rounds([], canary)).toEqual([])
})

test('a hundred at once, then fifty a second', async () => {
  const clock = fakeClock(0)
  const rate = createTokenBucket(clock, 50, 100)
  const delays = Array.from({ length: 151 }, () => rate.take())
  expect(delays.filter((delay) => delay === 0)).toHaveLength(100)
  expect(delays[100]).toBe(20)
  expect(delays[150]).toBe(1_020)
  await clock.advance(60_000)
  expect(rate.take()).toBe(0)
})

describe('what an agent says', () => {
  const since = Date.UTC(2026, 0, 1, 12)
  const at = (milliseconds: number) => [{ loadedAt: new Date(since + milliseconds).toISOString() }]
  test.each([
    [{ state: 'loaded', volumes: at(300) }, 'loaded'],
    [{ state: 'loaded', volumes: at(-1_000) }, 'loaded'],
    [{ state: 'loaded', volumes: at(-60_000) }, 'unmoved'],
    [{ state: 'staggered', volumes: at(300) }, 'pending'],
    [{ state: 'loaded' }, 'unmoved'],
    [{ state: 'refused', volumes: at(300) }, 'refused'],
    [{ state: 'invalid' }, 'refused'],
    [{}, 'unknown'],
    ['<html>', 'unknown'],
    [undefined, 'unknown'],
  ])('%j is %s', (report, expected) => expect(agentState(report, since)).toBe(expected))

  test('of several what is wrong or under way counts first, and who does not use the source, not at all', () => {
    expect(podState(['loaded', 'pending', 'unknown'])).toBe('pending')
    expect(podState(['loaded', 'unmoved'])).toBe('loaded')
    expect(podState(['unmoved', 'unmoved'])).toBe('unmoved')
    expect(podState([])).toBe('unknown')
  })
})

describe('limits', () => {
  test('in all and per namespace; what is freed is free', () => {
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
  test('who waits longest is woken when there is room for it, one for each that is free', () => {
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
  test('0 is none', () => {
    const limiter = createRolloutLimiter({ total: 0, perNamespace: 0 }, () => {})
    for (let index = 0; index < 1_000; index++) limiter.acquire(String(index), 'shop')
    expect(limiter.isAvailable('shop')).toBe(true)
  })
})

describe('a fight', () => {
  test('is our checksum taken away three times in ten minutes, told once, over after that', async () => {
    const clock = fakeClock(0)
    const reverts = createRevertGuard(clock)
    const round = (checksum: string) => {
      reverts.wrote('web', checksum)
      return reverts.saw('web', '', checksum)
    }
    expect([round('1'), round('2')]).toEqual([false, false])
    expect(reverts.until('web')).toBeUndefined()
    expect(round('3')).toBe(true)
    expect(reverts.saw('web', '', '3')).toBe(false)
    expect(reverts.until('web')).toBe(WITHIN)
    await clock.advance(WITHIN)
    expect(reverts.until('web')).toBeUndefined()
  })
  test('is not a checksum that stays, nor one that another content replaced', () => {
    const reverts = createRevertGuard(fakeClock(0))
    for (const checksum of ['1', '2', '3', '4']) {
      reverts.wrote('web', checksum)
      expect(reverts.saw('web', checksum, checksum)).toBe(false)
      expect(reverts.saw('web', 'newer', 'newer')).toBe(false)
    }
  })
})
