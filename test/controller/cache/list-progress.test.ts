import { expect, test } from 'vitest'
import { createListProgress } from '../../../src/controller/cache/list-progress.ts'

function track(...collections: string[]) {
  const events: string[] = []
  const lists = createListProgress({
    collections,
    onSynced: () => events.push('synced'),
    onRefused: (collection, status) => events.push(`${collection} ${status}`),
  })
  return { lists, events }
}

test('synced once every collection is listed or refused', () => {
  const { lists, events } = track('a', 'b')
  lists.of('a').listed()
  lists.of('a').listed()
  expect(lists.isSynced()).toBe(false)
  lists.of('b').refused(403)
  lists.of('b').refused(403)
  expect(lists.isSynced()).toBe(true)
  expect(events).toEqual(['b 403', 'synced', 'b 403'])
})

test('a refused collection is incomplete until a later list succeeds', () => {
  const { lists } = track('a')
  lists.of('a').refused(403)
  expect(lists.isComplete()).toBe(false)
  lists.of('a').listed()
  expect(lists.isComplete()).toBe(true)
})

test('a kind that does not exist is complete, and needs no mention', () => {
  const { lists, events } = track('Rollout')
  lists.of('Rollout').refused(404)
  expect(lists.isComplete()).toBe(true)
  expect(events).toEqual(['synced'])
})
