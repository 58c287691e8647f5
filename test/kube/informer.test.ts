import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Listener, Watch } from '../../src/api/api.ts'
import { systemClock } from '../../src/async/clock.ts'
import { createClient } from '../../src/kube/client.ts'
import { type WatchOptions, watchCollection } from '../../src/kube/informer.ts'
import { until } from '../support/until.ts'
import { type WatchableApi, watchableApi } from '../support/watchable-api.ts'

let api: WatchableApi
let watch: Watch | undefined
let events: string[]
beforeEach(async () => {
  api = await watchableApi()
  events = []
})
afterEach(async () => {
  watch?.stop()
  await api.close()
})

function start(options: WatchOptions = {}, listener: Partial<Listener> = {}) {
  const collection = { path: '/api/v1/configmaps', metadataOnly: true }
  watch = watchCollection(
    createClient(api.connection),
    collection,
    {
      changed: ({ metadata }) => events.push(`+${metadata?.name}`),
      removed: (namespace, name) => events.push(`-${namespace}/${name}`),
      listed: () => events.push('listed'),
      refused: (status) => events.push(`refused ${status}`),
      ...listener,
    },
    { retryMilliseconds: 10, ...options },
  )
  return watch
}
const watching = () => until('a watch', () => api.watching() === 1, 5_000)
const reports = (...expected: string[]) =>
  until(expected.join(), () => expected.every((one) => events.includes(one)), 5_000)

test('lists the metadata in pages, then watches from the list’s version', async () => {
  for (let index = 0; index < 5; index++) api.put(`c${index}`)
  start({ pageSize: 2 })
  await watching()
  expect(events).toEqual(['+c0', '+c1', '+c2', '+c3', '+c4', 'listed'])
  expect(api.requests.map(({ url }) => url.replace(/timeoutSeconds=\d+&/, ''))).toEqual([
    '/api/v1/configmaps?limit=2',
    '/api/v1/configmaps?limit=2&continue=2',
    '/api/v1/configmaps?limit=2&continue=4',
    '/api/v1/configmaps?watch=1&allowWatchBookmarks=true&resourceVersion=105',
  ])
  expect(api.requests[0]?.accept).toMatch(/^application\/json;as=PartialObjectMetadataList;/)
  expect(api.requests[3]?.accept).toMatch(/^application\/json;as=PartialObjectMetadata;/)
  expect([...(watch?.names('shop') ?? [])]).toEqual(['c0', 'c1', 'c2', 'c3', 'c4'])
})

test('a name is known when its object is reported, and gone when its removal is', async () => {
  for (const name of ['a', 'b', 'c']) api.put(name)
  const names = () => events.push([...(watch?.names('shop') ?? [])].join(' '))
  start({ pageSize: 1 }, { changed: names, removed: names })
  await watching()
  api.remove('b')
  await reports('a c')
  api.put('d', {}, false)
  api.remove('a', false)
  api.forgetPast()
  api.cut()
  await reports('c d')
  expect(events).toEqual(['a', 'a b', 'a b c', 'listed', 'a c', 'a c d', 'c d', 'listed'])
})

test('a custom resource comes without the nulls that the API server keeps in it', async () => {
  let seen: unknown
  start({}, { changed: ({ spec }) => void (seen = spec) })
  await watching()
  api.put('a', { apiVersion: 'argoproj.io/v1alpha1', kind: 'Rollout', spec: { a: null, b: 1 } })
  await until('the object', () => seen, 5_000)
  expect(seen).toEqual({ b: 1 })
})

test('reports changes and removals as they come', async () => {
  api.put('a')
  start()
  await watching()
  api.put('b', { text: 'ü'.repeat(100_000) })
  api.put('a')
  api.remove('b')
  await reports('-shop/b')
  expect(events).toEqual(['+a', 'listed', '+b', '+a', '-shop/b'])
})

test('resumes from a bookmark after a reset in the middle of a line, without a new list', async () => {
  api.put('a')
  start()
  await watching()
  const bookmark = api.bookmark()
  api.put('b')
  await reports('+b')
  api.cut()
  await until(
    'a second watch',
    () => api.requests.filter(({ url }) => url.includes('watch=1')).length === 2,
    5_000,
  )
  expect(api.requests.at(-1)?.url).toContain(`resourceVersion=${bookmark + 1}`)
  expect(events.filter((one) => one === 'listed')).toHaveLength(1)
})

test('after 410 Gone a new list reports what changed and what was deleted meanwhile, and nothing else', async () => {
  for (const name of ['same', 'changed', 'gone']) api.put(name)
  start()
  await watching()
  events.length = 0
  api.put('changed', {}, false)
  api.remove('gone', false)
  api.forgetPast()
  api.cut()
  await reports('listed')
  expect(events).toEqual(['+changed', '-shop/gone', 'listed'])
})

test('after stop it reports nothing, though a list is under way', async () => {
  for (const name of ['a', 'b', 'c']) api.put(name)
  const changed: Listener['changed'] = ({ metadata }) => {
    events.push(`+${metadata?.name}`)
    watch?.stop()
  }
  start({ pageSize: 1 }, { changed })
  await until('the last page', () => api.requests.length === 3, 5_000)
  expect(events).toEqual(['+a'])
})

test('an object that was shown before is known', async () => {
  api.put('a')
  start({}, { changed: ({ metadata }, isKnown) => events.push(`${isKnown ? '~' : '+'}${metadata?.name}`) })
  await watching()
  api.put('a')
  await reports('~a')
  expect(events.filter((event) => event.endsWith('a'))).toEqual(['+a', '~a'])
})

test('the watch survives a listener that throws', async () => {
  const troubles: string[] = []
  start(
    { onTrouble: (message) => troubles.push(message) },
    {
      changed({ metadata }) {
        if (metadata?.name === 'odd') throw new Error('odd')
        events.push(`+${metadata?.name}`)
      },
    },
  )
  await watching()
  api.put('odd')
  api.put('even')
  await reports('+even')
  expect(troubles).toEqual(['an object could not be processed'])
})

test('a server that is down is retried until it is back', async () => {
  api.put('a')
  api.answerWith(503)
  const started = start()
  await until('several tries', () => api.requests.length >= 4, 5_000)
  api.answerWith(200)
  await reports('listed')
  expect(systemClock.now() - started.lastProgress()).toBeLessThan(10_000)
})

test.each([403, 404])('a right or a kind that goes away during a watch is reported: %i', async (status) => {
  start()
  await watching()
  api.answerWith(status)
  api.cut()
  await reports(`refused ${status}`)
  expect(events).toEqual(['listed', `refused ${status}`])
})

test('a refusal is reported, and not retried at once', async () => {
  api.answerWith(403)
  start()
  await reports('refused 403')
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(api.requests).toHaveLength(1)
})

test('watches that a proxy closes at once are retried with growing pauses', async () => {
  const times: number[] = []
  api.closeWatches()
  start({ retryMilliseconds: 20, onTrouble: () => times.push(performance.now()) })
  await until('four retries', () => times.length >= 4, 5_000)
  const watches = api.requests.filter(({ url }) => url.includes('watch=1'))
  expect(watches.length).toBeLessThanOrEqual(times.length + 1)
  // Half of each delay is random: at least 10, 20 and 40 ms.
  expect((times[3] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(60)
})

test('a silent connection is replaced', async () => {
  start({ idleMilliseconds: 100 })
  await until(
    'two watches',
    () => api.requests.filter(({ url }) => url.includes('watch=1')).length >= 2,
    5_000,
  )
})

test('a list that fails in the middle starts over: a watch from its first page would never report the other pages', async () => {
  for (const name of ['a', 'b', 'c']) api.put(name)
  const fail = ({ metadata }: { metadata?: { name?: string } }) => {
    events.push(`+${metadata?.name}`)
    // An expired continue token (410), or an API server that restarts.
    api.answerWith(metadata?.name === 'a' ? 410 : 200)
  }
  start({ pageSize: 1, onTrouble: () => api.answerWith(200) }, { changed: fail })
  await reports('listed')
  expect(events).toEqual(['+a', '+b', '+c', 'listed'])
})

test('a page over the limit of a response is requested in smaller ones', async () => {
  // kubectl apply stores a copy of the object in an annotation, 256 KiB at most.
  const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': 'x'.repeat(250_000) }
  for (let index = 0; index < 70; index++) {
    api.put(`dashboard${index}`)
    api.annotate(`dashboard${index}`, annotations)
  }
  start()
  await reports('listed')
  expect(events).toHaveLength(71)
})
