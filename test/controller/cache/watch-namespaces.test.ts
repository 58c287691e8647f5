import { expect, test } from 'vitest'
import { watchNamespaces } from '../../../src/controller/cache/watch-namespaces.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { fakeWatches } from '../../support/fake-watches.ts'

const NAMES = ['bank', 'shop']
const MAPS = { path: '/api/v1/configmaps', metadataOnly: true }
const NAMESPACES = { path: '/api/v1/namespaces', metadataOnly: true }
const inNamespace = (name: string) => `/api/v1/namespaces/${name}/configmaps`

/** @param answers status and labels of each Namespace; a status of 0: no answer */
function watchBoth(answers: Record<string, { status: number; version?: string }> = {}) {
  const clock = fakeClock()
  const watches = fakeWatches()
  const calls: string[] = []
  const heard: string[] = []
  const watchCollection = watchNamespaces(NAMES, {
    api: {
      async call({ method, path }) {
        calls.push(`${method} ${path}`)
        const name = path.split('/').at(-1) ?? ''
        const { status, version = '1' } = answers[name] ?? { status: 404 }
        if (status === 0) throw new Error('no answer')
        return { status, body: { metadata: { name, resourceVersion: version } } }
      },
    },
    clock,
    watchCollection: watches.watchCollection,
  })
  const listener = {
    changed: ({ metadata = {} }) => void heard.push(`changed ${Object(metadata).name}`),
    removed: (namespace: string, name: string) => void heard.push(`removed ${namespace}/${name}`),
    listed: () => void heard.push('listed'),
    refused: (status: number, namespace?: string) => void heard.push(`refused ${status} ${namespace}`),
  }
  return { ...watches, clock, calls, heard, watch: (one = MAPS) => watchCollection(one, listener) }
}

test('each namespace has a watch of its own, in every API group', () => {
  const { watch, watched, names } = watchBoth()
  const watching = watch()
  expect(watched()).toEqual([inNamespace('bank'), inNamespace('shop')])
  names.set(inNamespace('shop'), ['conf'])
  expect([...watching.names('shop')]).toEqual(['conf'])
  expect([...watching.names('bank'), ...watching.names('other')]).toEqual([])
  watching.stop()
  expect(watched()).toEqual([])
  watch({ path: '/apis/apps/v1/deployments', metadataOnly: false })
  expect(watched()).toContain('/apis/apps/v1/namespaces/bank/deployments')
})

test('the collection is listed when the last namespace is, and again after that', () => {
  const { watch, listener, heard } = watchBoth()
  watch()
  listener(inNamespace('bank')).listed()
  listener(inNamespace('bank')).listed()
  expect(heard).toEqual([])
  listener(inNamespace('shop')).listed()
  expect(heard).toEqual(['listed'])
  listener(inNamespace('bank')).listed()
  expect(heard).toEqual(['listed', 'listed'])
})

test('a refusal waits for the other namespaces, names its own, and lasts until a list', () => {
  const { watch, listener, heard } = watchBoth()
  watch()
  listener(inNamespace('bank')).refused(403)
  expect(heard).toEqual([])
  listener(inNamespace('shop')).listed()
  expect(heard).toEqual(['refused 403 bank'])
  listener(inNamespace('shop')).listed()
  expect(heard).toEqual(['refused 403 bank'])
  listener(inNamespace('bank')).listed()
  expect(heard).toEqual(['refused 403 bank', 'listed'])
})

test('a Namespace is read each minute, and reported when it has changed', async () => {
  const answers = { bank: { status: 200, version: '1' }, shop: { status: 404 } }
  const { watch, calls, heard, clock, watched } = watchBoth(answers)
  const watching = watch(NAMESPACES)
  await clock.advance(0)
  expect(watched()).toEqual([])
  expect(calls).toEqual(['GET /api/v1/namespaces/bank', 'GET /api/v1/namespaces/shop'])
  expect(heard).toEqual(['changed bank', 'listed'])
  await clock.advance(60_000)
  expect(heard).not.toContain('removed /bank')
  expect(heard.filter((one) => one === 'changed bank')).toHaveLength(1)
  answers.bank.version = '2'
  await clock.advance(60_000)
  expect(heard.filter((one) => one === 'changed bank')).toHaveLength(2)
  answers.bank.status = 404
  await clock.advance(60_000)
  expect(heard).toContain('removed /bank')
  watching.stop()
  const before = calls.length
  await clock.advance(600_000)
  expect(calls).toHaveLength(before)
})

test('without the right to read it, a Namespace is refused; without an answer it is read again soon', async () => {
  const answers = { bank: { status: 403 }, shop: { status: 0 } }
  const { watch, calls, heard, clock } = watchBoth(answers)
  const watching = watch(NAMESPACES)
  await clock.advance(0)
  expect(heard).toEqual([])
  answers.shop.status = 200
  await clock.advance(2_000)
  expect(heard).toEqual(['changed shop', 'refused 403 bank'])
  expect(calls).toHaveLength(3)
  expect(watching.lastProgress()).toBeGreaterThan(clock.now() - 2_000)
})
