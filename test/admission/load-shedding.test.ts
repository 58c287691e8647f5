import { describe, expect, test } from 'vitest'
import { createGate, type OverloadLimits } from '../../src/admission/load-shedding.ts'

const limits: OverloadLimits = { inFlight: 2, inFlightBytes: 100, lagMilliseconds: 50 }
const gate = (lag = 0) => createGate(limits, () => lag)

describe('a gate', () => {
  test('admits requests up to its limit, and again after one has left', () => {
    const { enter, leave } = gate()
    expect([enter(1), enter(1), enter(1)]).toEqual([true, true, false])
    leave(1)
    expect(enter(1)).toBe(true)
  })

  test('admits bytes up to its limit, and again after some have left', () => {
    const { enter, leave } = gate()
    expect([enter(60), enter(41)]).toEqual([true, false])
    leave(60)
    expect([enter(41), enter(59)]).toEqual([true, true])
  })

  test('admits one request of any size', () => {
    const { enter } = gate()
    expect([enter(1_000), enter(1)]).toEqual([true, false])
  })

  test.each([
    [50, true],
    [51, false],
  ])('with an event loop %d ms late: %s', (lag, isAdmitted) => expect(gate(lag).enter(1)).toBe(isAdmitted))
})
