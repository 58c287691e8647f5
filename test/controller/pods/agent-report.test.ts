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
    const slots = createRolloutLimiter({ total: 2, perNamespace: 1 }, () => {})
    slots.take('a', 'shop')
    slots.take('a', 'shop')
    expect([slots.hasRoom('shop'), slots.hasRoom('other')]).toEqual([false, true])
    slots.take('b', 'other')
    expect(slots.hasRoom('third')).toBe(false)
    slots.free('a')
    slots.free('a')
    expect([slots.hasRoom('shop'), slots.taken()]).toEqual([true, 1])
  })
  test('who waits longest is woken when there is room for it, one for each that is free', () => {
    const woken: string[] = []
    const slots = createRolloutLimiter({ total: 2, perNamespace: 1 }, (key) => woken.push(key))
    slots.take('a', 'shop')
    slots.take('b', 'other')
    slots.waitFor('c', 'other')
    slots.waitFor('d', 'shop')
    slots.waitFor('e', 'shop')
    slots.free('a')
    expect(woken).toEqual(['d'])
    slots.waitNoMore('c')
    slots.free('a')
    slots.wakeNext()
    expect(woken).toEqual(['d', 'e'])
  })
  test('0 is none', () => {
    const slots = createRolloutLimiter({ total: 0, perNamespace: 0 }, () => {})
    for (let index = 0; index < 1_000; index++) slots.take(String(index), 'shop')
    expect(slots.hasRoom('shop')).toBe(true)
  })
})

describe('a fight', () => {
  test('is our stamp taken away three times in ten minutes, told once, over after that', async () => {
    const clock = fakeClock(0)
    const fights = createRevertGuard(clock)
    const round = (stamp: string) => {
      fights.wrote('web', stamp)
      return fights.saw('web', '', stamp)
    }
    expect([round('1'), round('2')]).toEqual([false, false])
    expect(fights.until('web')).toBeUndefined()
    expect(round('3')).toBe(true)
    expect(fights.saw('web', '', '3')).toBe(false)
    expect(fights.until('web')).toBe(WITHIN)
    await clock.advance(WITHIN)
    expect(fights.until('web')).toBeUndefined()
  })
  test('is not a stamp that stays, nor one that another content replaced', () => {
    const fights = createRevertGuard(fakeClock(0))
    for (const stamp of ['1', '2', '3', '4']) {
      fights.wrote('web', stamp)
      expect(fights.saw('web', stamp, stamp)).toBe(false)
      expect(fights.saw('web', 'newer', 'newer')).toBe(false)
    }
  })
})
