import { describe, expect, test } from 'vitest'
import { compare, type View } from '../../../src/controller/decide/compare.ts'

const view = (fields: Partial<View>): View => ({
  id: 'ConfigMap/web',
  baselineId: 'ConfigMap/web',
  observed: { hash: 'new', immutable: false },
  checksum: undefined,
  baseline: undefined,
  whenAppears: 'record',
  whenVanishes: 'wait',
  isPaused: false,
  ...fields,
})
const seen = (hash: string) => ({ hash, immutable: false })

describe('one source', () => {
  type Outcome = 'nothing' | 'changed' | 'recorded' | 'paused'
  const table: [string, Partial<View>, Outcome][] = [
    ['never seen before', {}, 'recorded'],
    ['as written', { checksum: 'new' }, 'nothing'],
    ['other than written', { checksum: 'old' }, 'changed'],
    ['as recorded', { baseline: 'new' }, 'nothing'],
    ['other than recorded', { baseline: 'old' }, 'changed'],
    [
      'written as it is, recorded otherwise: the checksum is younger',
      { checksum: 'new', baseline: 'old' },
      'nothing',
    ],
    ['recorded as it is, written otherwise', { checksum: 'old', baseline: 'new' }, 'changed'],
    ['a required one that appears', { checksum: 'absent' }, 'recorded'],
    ['one that changes after it appeared', { checksum: 'absent', baseline: 'old' }, 'changed'],
    ['one that stays after it appeared', { checksum: 'absent', baseline: 'new' }, 'nothing'],
    ['an optional one that appears', { checksum: 'absent', whenAppears: 'roll' }, 'changed'],
    ['a required one that is gone', { checksum: 'old', observed: seen('absent') }, 'nothing'],
    [
      'an optional one that is gone',
      { checksum: 'old', observed: seen('absent'), whenVanishes: 'roll' },
      'changed',
    ],
    ['one that never was', { checksum: 'absent', observed: seen('absent') }, 'nothing'],
    ['a Secret under the same key', { checksum: 'k1:old', observed: seen('k1:new') }, 'changed'],
    ['a Secret under a new key', { checksum: 'k1:old', observed: seen('k2:new') }, 'recorded'],
    [
      'a Secret under a new key, seen since',
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
    const { changed, record, paused } = compare([view(fields)])
    const got =
      changed.length > 0 ? 'changed' : record.size > 0 ? 'recorded' : paused.length > 0 ? 'paused' : 'nothing'
    expect(got).toBe(outcome)
  })
})

test('the target says what new Pods will read, and keeps what is not known or may come back', () => {
  const { target } = compare([
    view({ id: 'a', checksum: 'old' }),
    view({ id: 'b', checksum: 'old', isPaused: true }),
    view({ id: 'c', checksum: 'old', observed: 'unavailable' }),
    view({ id: 'd', baseline: 'old', observed: undefined }),
    view({ id: 'e', checksum: 'old', observed: seen('absent') }),
    view({ id: 'f', observed: 'forbidden' }),
  ])
  expect(Object.fromEntries(target)).toEqual({ a: 'new', b: 'new', c: 'old', d: 'old', e: 'old' })
})

test('a baseline is dropped as soon as the checksum says the same as what is there', () => {
  expect(compare([view({ checksum: 'new', baseline: 'old' })]).forget).toEqual(['ConfigMap/web'])
  expect(compare([view({ checksum: 'absent', baseline: 'new' })]).forget).toEqual([])
})

test('after a rollout to the target nothing is to be done', () => {
  const views = [view({ id: 'a', checksum: 'old' }), view({ id: 'b', baseline: 'old' })]
  const { target } = compare(views)
  const { changed, record } = compare(views.map((one) => ({ ...one, checksum: target.get(one.id) })))
  expect([changed, record.size]).toEqual([[], 0])
})

test('what is gone is told apart: it may be back in a moment', () => {
  const gone = view({ id: 'a', checksum: 'old', observed: seen('absent'), whenVanishes: 'roll' })
  expect(compare([gone, view({ id: 'b', checksum: 'old' })])).toMatchObject({
    changed: ['a', 'b'],
    vanished: ['a'],
  })
})
