import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  createGate,
  HEAP_BYTES_PER_VALUE,
  type OverloadLimits,
  watchEventLoop,
} from '../../../src/admission/bounds/load-shedding.ts'

const limits: OverloadLimits = { inFlight: 2, memoryBytes: 1_000, smallBodyBytes: 100, lagMilliseconds: 50 }
const gate = (lag = 0) => createGate(limits, () => lag)

describe('a gate', () => {
  test('lets as many reviews in flight as its limit, and another after one has ended', () => {
    const { begin, isOpen } = gate()
    const [first, second, third] = [begin(), begin(), begin()]
    expect([first.answer(), isOpen(), second.answer(), isOpen(), third.answer()]).toEqual([
      true,
      true,
      true,
      false,
      false,
    ])
    third.end()
    first.end()
    first.end()
    expect([isOpen(), begin().answer(), begin().answer()]).toEqual([true, true, false])
  })

  test('requests that only send their bodies, however many, keep no review out', () => {
    const { begin, isOpen } = gate()
    for (let i = 0; i < 100; i += 1) begin().receive(1)
    expect([isOpen(), begin().answer()]).toEqual([true, true])
  })

  test('counts bytes when they arrive, up to its limit, and gives them back', () => {
    const { begin } = gate()
    const places = Array.from({ length: 11 }, begin)
    expect(places.map((place) => place.receive(100))).toEqual([
      ...Array.from({ length: 10 }, () => true),
      false,
    ])
    places[0]?.end()
    expect(begin().receive(100)).toBe(true)
  })

  test('small bodies have their own budget: large ones that take all of theirs keep none out', () => {
    const { begin } = gate()
    expect([begin().receive(900), begin().receive(101)]).toEqual([true, false])
    expect([begin().receive(100), begin().receive(100)]).toEqual([true, true])
  })

  test('a body that turns out to be large gives back its part of the budget for small ones', () => {
    const { begin } = gate()
    for (let i = 0; i < 100; i += 1) {
      const place = begin()
      place.receive(100)
      place.receive(1)
      place.end()
    }
    const large = begin()
    expect([large.receive(100), large.receive(800)]).toEqual([true, true])
    const small = Array.from({ length: 10 }, begin)
    expect(small.every((place) => place.receive(100))).toBe(true)
    large.end()
    expect(begin().receive(1_000)).toBe(true)
  })

  test('counts the values of a body by what they take in the heap', () => {
    const { begin } = gate()
    const values = 1_000 / HEAP_BYTES_PER_VALUE
    expect([begin().parse(values), begin().parse(1)]).toEqual([true, false])
  })

  test('one review of any cost may enter an empty budget', () => {
    const { begin } = gate()
    expect([begin().receive(10_000), begin().receive(101)]).toEqual([true, false])
  })

  test.each([
    [50, true],
    [51, false],
  ])('with an event loop %d ms late: %s', (lag, isOpen) => expect(gate(lag).isOpen()).toBe(isOpen))
})

describe('the lag of the event loop', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  test('grows while the timer is overdue, and is gone when the timer has run', () => {
    const { lag, stop } = watchEventLoop(500)
    vi.advanceTimersByTime(500)
    expect(lag()).toBeLessThanOrEqual(0)
    // A stall: time passes and no timer runs.
    vi.setSystemTime(Date.now())
    const now = performance.now()
    const stalled = vi.spyOn(performance, 'now').mockReturnValue(now + 3_500)
    expect(lag()).toBe(3_000)
    stalled.mockRestore()
    vi.advanceTimersByTime(500)
    expect(lag()).toBeLessThanOrEqual(0)
    stop()
  })
})
