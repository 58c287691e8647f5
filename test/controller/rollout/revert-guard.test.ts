import { expect, test } from 'vitest'
import { createRevertGuard, WITHIN } from '../../../src/controller/rollout/revert-guard.ts'
import { fakeClock } from '../../support/fake-clock.ts'

test('three reverts within ten minutes put rollouts off for ten minutes, and are reported once', async () => {
  const clock = fakeClock(0)
  const reverts = createRevertGuard(clock)
  const round = (checksums: string) => {
    reverts.wrote(checksums)
    return reverts.saw({ current: '', desired: checksums })
  }
  expect([round('1'), round('2')]).toEqual([false, false])
  expect(reverts.backoffUntil()).toBeUndefined()
  expect(round('3')).toBe(true)
  expect(reverts.saw({ current: '', desired: '3' })).toBe(false)
  expect(reverts.backoffUntil()).toBe(WITHIN)
  await clock.advance(WITHIN)
  expect(reverts.backoffUntil()).toBeUndefined()
})

test('a checksum that stays is no revert, nor is one that other content replaces', () => {
  const reverts = createRevertGuard(fakeClock(0))
  for (const checksums of ['1', '2', '3', '4']) {
    reverts.wrote(checksums)
    expect(reverts.saw({ current: checksums, desired: checksums })).toBe(false)
    expect(reverts.saw({ current: 'newer', desired: 'newer' })).toBe(false)
  }
})

test('checksums that are out of date are no revert: the sources changed as well', () => {
  const reverts = createRevertGuard(fakeClock(0))
  for (const checksums of ['1', '2', '3', '4']) {
    reverts.wrote(checksums)
    expect(reverts.saw({ current: 'older', desired: 'newer' })).toBe(false)
  }
  expect(reverts.backoffUntil()).toBeUndefined()
})
