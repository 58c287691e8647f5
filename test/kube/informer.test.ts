import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Listener, Watch } from '../../src/api/api.ts'
import { createClient } from '../../src/kube/client.ts'
import { type WatchOptions, watchCollection } from '../../src/kube/informer.ts'
import { until } from '../support/until.ts'
import { type WatchableApi, watchableApi } from '../support/watchable-api.ts'

let api: WatchableApi
let following: Watch | undefined
let told: string[]
beforeEach(async () => {
  api = await watchableApi()
  told = []
})
afterEach(async () => {
  following?.stop()
  await api.close()
})

function start(options: WatchOptions = {}, listener: Partial<Listener> = {}) {
  const collection = { path: '/api/v1/configmaps', metadataOnly: true }
  following = watchCollection(
    createClient(api.connection),
    collection,
    {
      changed: ({ metadata }) => told.push(`+${metadata?.name}`),
      removed: (namespace, name) => told.push(`-${namespace}/${name}`),
      listed: () => told.push('listed'),
      refused: (status) => told.push(`refused ${status}`),
      ...listener,
    },
    { retryMilliseconds: 10, ...options },
  )
  return following
}
const watching = () => until('a watch', () => api.watching() === 1, 5_000)
const tells = (...expected: string[]) =>
  until(expected.join(), () => expected.every((one) => told.includes(one)), 5_000)

test('lists in pages, only metadata, then watches from there', async () => {
  for (let index = 0; index < 5; index++) api.put(`c${index}`)
  start({ pageSize: 2 })
  await watching()
  expect(told).toEqual(['+c0', '+c1', '+c2', '+c3', '+c4', 'listed'])
  expect(api.requests.map(({ url }) => url.replace(/timeoutSeconds=\d+&/, ''))).toEqual([
    '/api/v1/configmaps?limit=2',
    '/api/v1/configmaps?limit=2&continue=2',
    '/api/v1/configmaps?limit=2&continue=4',
    '/api/v1/configmaps?watch=1&allowWatchBookmarks=true&resourceVersion=105',
  ])
  expect(api.requests[0]?.accept).toMatch(/^application\/json;as=PartialObjectMetadataList;/)
  expect(api.requests[3]?.accept).toMatch(/^application\/json;as=PartialObjectMetadata;/)
  expect([...(following?.names('shop') ?? [])]).toEqual(['c0', 'c1', 'c2', 'c3', 'c4'])
})

test('a name is known when its object is told, and no longer when its removal is', async () => {
  for (const name of ['a', 'b', 'c']) api.put(name)
  const names = () => told.push([...(following?.names('shop') ?? [])].join(' '))
  start({ pageSize: 1 }, { changed: names, removed: names })
  await watching()
  api.remove('b')
  await tells('a c')
  api.put('d', {}, false)
  api.remove('a', false)
  api.forgetPast()
  api.cut()
  await tells('c d')
  expect(told).toEqual(['a', 'a b', 'a b c', 'listed', 'a c', 'a c d', 'c d', 'listed'])
})

test('tells of changes and removals as they come', async () => {
  api.put('a')
  start()
  await watching()
  api.put('b', { text: 'ü'.repeat(100_000) })
  api.put('a')
  api.remove('b')
  await tells('-shop/b')
  expect(told).toEqual(['+a', 'listed', '+b', '+a', '-shop/b'])
})

test('goes on from a bookmark after a reset in the middle of a line, without a new list', async () => {
  api.put('a')
  start()
  await watching()
  const bookmark = api.bookmark()
  api.put('b')
  await tells('+b')
  api.cut()
  await until(
    'a second watch',
    () => api.requests.filter(({ url }) => url.includes('watch=1')).length === 2,
    5_000,
  )
  expect(api.requests.at(-1)?.url).toContain(`resourceVersion=${bookmark + 1}`)
  expect(told.filter((one) => one === 'listed')).toHaveLength(1)
})

test('after 410 Gone a new list tells what changed and what went meanwhile, and nothing else', async () => {
  for (const name of ['same', 'changed', 'gone']) api.put(name)
  start()
  await watching()
  told.length = 0
  api.put('changed', {}, false)
  api.remove('gone', false)
  api.forgetPast()
  api.cut()
  await tells('listed')
  expect(told).toEqual(['+changed', '-shop/gone', 'listed'])
})

test('once stopped it tells nothing more, though a list was under way', async () => {
  for (const name of ['a', 'b', 'c']) api.put(name)
  const changed: Listener['changed'] = ({ metadata }) => {
    told.push(`+${metadata?.name}`)
    following?.stop()
  }
  start({ pageSize: 1 }, { changed })
  await until('the last page', () => api.requests.length === 3, 5_000)
  expect(told).toEqual(['+a'])
})

test('a listener that throws is not the end', async () => {
  const troubles: string[] = []
  start(
    { onTrouble: (message) => troubles.push(message) },
    {
      changed({ metadata }) {
        if (metadata?.name === 'odd') throw new Error('odd')
        told.push(`+${metadata?.name}`)
      },
    },
  )
  await watching()
  api.put('odd')
  api.put('even')
  await tells('+even')
  expect(troubles).toEqual(['an object could not be processed'])
})

test('a server that is down is asked again until it is back', async () => {
  api.put('a')
  api.answerWith(503)
  const started = start()
  await until('several tries', () => api.requests.length >= 4, 5_000)
  api.answerWith(200)
  await tells('listed')
  expect(Date.now() - started.lastProgress()).toBeLessThan(10_000)
})

test('a refusal is told, and not asked again at once', async () => {
  api.answerWith(403)
  start()
  await tells('refused 403')
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(api.requests).toHaveLength(1)
})

test('a connection that has gone silent is replaced', async () => {
  start({ idleMilliseconds: 100 })
  await until(
    'two watches',
    () => api.requests.filter(({ url }) => url.includes('watch=1')).length >= 2,
    5_000,
  )
})

test('a list that fails in the middle is begun anew: a watch from its first page would never tell of the others', async () => {
  for (const name of ['a', 'b', 'c']) api.put(name)
  const fail = ({ metadata }: { metadata?: { name?: string } }) => {
    told.push(`+${metadata?.name}`)
    // As a continue token that has expired (410), or an API server that restarts.
    api.answerWith(metadata?.name === 'a' ? 410 : 200)
  }
  start({ pageSize: 1, onTrouble: () => api.answerWith(200) }, { changed: fail })
  await tells('listed')
  expect(told).toEqual(['+a', '+b', '+c', 'listed'])
})

test('a page that is more than an answer may be is asked for in smaller ones', async () => {
  // ConfigMaps that kubectl applied hold themselves once more in an annotation, of 256 KiB at most.
  const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': 'x'.repeat(250_000) }
  for (let index = 0; index < 70; index++) {
    api.put(`dashboard${index}`)
    api.annotate(`dashboard${index}`, annotations)
  }
  start()
  await tells('listed')
  expect(told).toHaveLength(71)
})
