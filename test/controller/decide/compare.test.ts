import { describe, expect, test } from 'vitest'
import { type ComparisonInput, compareSources } from '../../../src/controller/decide/compare.ts'

const input = (fields: Partial<ComparisonInput>): ComparisonInput => ({
  id: 'ConfigMap/web',
  baselineId: 'ConfigMap/web',
  observed: { hash: 'new', immutable: false },
  checksum: undefined,
  baseline: undefined,
  whenAppears: 'record',
  whenDeleted: 'wait',
  isPaused: false,
  ...fields,
})
const seen = (hash: string) => ({ hash, immutable: false })

describe('one source', () => {
  type Outcome = 'nothing' | 'changed' | 'recorded' | 'paused'
  const table: [string, Partial<ComparisonInput>, Outcome][] = [
    ['never seen before', {}, 'recorded'],
    ['as the checksum says', { checksum: 'new' }, 'nothing'],
    ['other than the checksum says', { checksum: 'old' }, 'changed'],
    ['as the baseline says', { baseline: 'new' }, 'nothing'],
    ['other than the baseline says', { baseline: 'old' }, 'changed'],
    [
      'as the checksum says, other than the baseline: the checksum is newer',
      { checksum: 'new', baseline: 'old' },
      'nothing',
    ],
    ['as the baseline says, other than the checksum', { checksum: 'old', baseline: 'new' }, 'changed'],
    ['a required one that appears', { checksum: 'absent' }, 'recorded'],
    ['one that changes after it appeared', { checksum: 'absent', baseline: 'old' }, 'changed'],
    ['one that stays after it appeared', { checksum: 'absent', baseline: 'new' }, 'nothing'],
    ['an optional one that appears', { checksum: 'absent', whenAppears: 'rollout' }, 'changed'],
    ['a required one that was deleted', { checksum: 'old', observed: seen('absent') }, 'nothing'],
    [
      'an optional one that was deleted',
      { checksum: 'old', observed: seen('absent'), whenDeleted: 'rollout' },
      'changed',
    ],
    ['one that never existed', { checksum: 'absent', observed: seen('absent') }, 'nothing'],
    ['a Secret under the same key', { checksum: 'k1:old', observed: seen('k1:new') }, 'changed'],
    ['a Secret under a new key', { checksum: 'k1:old', observed: seen('k2:new') }, 'recorded'],
    [
      'a Secret under a new key, with a baseline since',
      { checksum: 'k1:old', baseline: 'k2:new', observed: seen('k2:new') },
      'nothing',
    ],
    [
      'a Secret under a new key, changed since',
      { checksum: 'k1:old', baseline: 'k2:old', observed: seen('k2:new') },
      'changed',
    ],
    ['paused by its own annotation', { checksum: 'old', isPaused: true }, 'paused'],
    ['not read yet', { checksum: 'old', observed: undefined }, 'nothing'],
    ['not readable', { checksum: 'old', observed: 'forbidden' }, 'nothing'],
  ]
  test.each(table)('%s', (_name, fields, outcome) => {
    const { changed, newBaselines, paused } = compareSources([input(fields)])
    const got =
      changed.length > 0
        ? 'changed'
        : newBaselines.size > 0
          ? 'recorded'
          : paused.length > 0
            ? 'paused'
            : 'nothing'
    expect(got).toBe(outcome)
  })
})

test('the desired checksums say what new Pods will read, and keep those of sources that are unknown or may return', () => {
  const { desiredChecksums } = compareSources([
    input({ id: 'a', checksum: 'old' }),
    input({ id: 'b', checksum: 'old', isPaused: true }),
    input({ id: 'c', checksum: 'old', observed: 'unavailable' }),
    input({ id: 'd', baseline: 'old', observed: undefined }),
    input({ id: 'e', checksum: 'old', observed: seen('absent') }),
    input({ id: 'f', observed: 'forbidden' }),
  ])
  expect(Object.fromEntries(desiredChecksums)).toEqual({ a: 'new', b: 'new', c: 'old', d: 'old', e: 'old' })
})

test('a baseline is stale as soon as the checksum is that of the source', () => {
  expect(compareSources([input({ checksum: 'new', baseline: 'old' })]).staleBaselines).toEqual([
    'ConfigMap/web',
  ])
  expect(compareSources([input({ checksum: 'absent', baseline: 'new' })]).staleBaselines).toEqual([])
})

test('after a rollout to the desired checksums there is nothing to do', () => {
  const inputs = [input({ id: 'a', checksum: 'old' }), input({ id: 'b', baseline: 'old' })]
  const { desiredChecksums } = compareSources(inputs)
  const { changed, newBaselines } = compareSources(
    inputs.map((one) => ({ ...one, checksum: desiredChecksums.get(one.id) })),
  )
  expect([changed, newBaselines.size]).toEqual([[], 0])
})

test('deleted sources are listed apart: they may return in a moment', () => {
  const gone = input({ id: 'a', checksum: 'old', observed: seen('absent'), whenDeleted: 'rollout' })
  expect(compareSources([gone, input({ id: 'b', checksum: 'old' })])).toMatchObject({
    changed: ['a', 'b'],
    deleted: ['a'],
  })
})
