import { expect, test } from 'vitest'
import { compareSources } from '../../../src/controller/decide/compare.ts'
import { pendingChange } from '../../../src/controller/decide/pending-change.ts'

const comparison = (hash: string, { isPaused = false, checksum = 'old' } = {}) =>
  compareSources([
    {
      id: 'ConfigMap/web',
      baselineId: 'ConfigMap/web',
      observed: { hash, immutable: false },
      checksum,
      baseline: undefined,
      whenAppears: 'record',
      whenDeleted: 'wait',
      isPaused,
    },
  ])

test('each further change is a new one; the first stays the first', () => {
  const first = pendingChange(undefined, comparison('1'), 1_000)
  expect(first).toMatchObject({ changedAt: 1_000, firstChangedAt: 1_000 })
  const same = pendingChange(first, comparison('1'), 2_000)
  expect(same).toEqual(first)
  expect(pendingChange(same, comparison('2'), 3_000)).toMatchObject({
    changedAt: 3_000,
    firstChangedAt: 1_000,
  })
})

test('a change that is reverted is no longer pending', () => {
  const first = pendingChange(undefined, comparison('1'), 1_000)
  expect(pendingChange(first, comparison('old'), 2_000)).toBeUndefined()
})

test('a paused source does not end a pending change', () => {
  const first = pendingChange(undefined, comparison('1'), 1_000)
  expect(pendingChange(first, comparison('1', { isPaused: true }), 2_000)).toEqual(first)
  expect(pendingChange(undefined, comparison('1', { isPaused: true }), 2_000)).toBeUndefined()
})
