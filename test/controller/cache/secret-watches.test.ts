import { expect, test } from 'vitest'
import { createSecretWatches } from '../../../src/controller/cache/secret-watches.ts'
import { fakeWatches } from '../../support/fake-watches.ts'

const ALL = '/api/v1/secrets'
const inNamespace = (name: string) => `/api/v1/namespaces/${name}/secrets`

function secretWatches(isClusterWide = true) {
  const watches = fakeWatches()
  let refusals = 0
  const secrets = createSecretWatches({
    watchCollection: watches.watchCollection,
    isClusterWide,
    listener: { changed() {}, removed() {} },
    onRefused: () => (refusals += 1),
  })
  return { ...watches, secrets, refusals: () => refusals }
}

test('one watch covers the whole cluster where RBAC allows it', () => {
  const { secrets, watched, names } = secretWatches()
  secrets.use('web', new Set(['shop']))
  secrets.start()
  names.set(ALL, ['db'])
  expect(watched()).toEqual([ALL])
  expect(secrets.names('shop')).toEqual(['db'])
})

test('after a refusal each namespace in use is watched, and the refusal is reported once', () => {
  const { secrets, watched, listener, names, refusals } = secretWatches()
  secrets.start()
  secrets.use('web', new Set(['shop']))
  listener(ALL).refused(403)
  listener(ALL).refused(403)
  secrets.use('api', new Set(['shop', 'bank']))
  expect(watched()).toEqual([ALL, inNamespace('shop'), inNamespace('bank')])
  expect(refusals()).toBe(1)
  names.set(inNamespace('bank'), ['own'])
  expect(secrets.names('bank')).toEqual(['own'])
  expect(secrets.watches()).toHaveLength(3)
})

test('a namespace’s watch ends with its last user', () => {
  const { secrets, watched, listener } = secretWatches()
  secrets.start()
  listener(ALL).refused(403)
  secrets.use('web', new Set(['shop']))
  secrets.use('api', new Set(['shop']))
  secrets.use('web', new Set())
  expect(watched()).toContain(inNamespace('shop'))
  secrets.use('api', new Set(['bank']))
  expect(watched()).toEqual([ALL, inNamespace('bank')])
})

test('a list of the whole cluster, once allowed, replaces the others', () => {
  const { secrets, watched, listener, refusals } = secretWatches()
  secrets.start()
  secrets.use('web', new Set(['shop']))
  listener(ALL).refused(403)
  listener(ALL).listed()
  expect(watched()).toEqual([ALL])
  listener(ALL).refused(403)
  expect(watched()).toEqual([ALL, inNamespace('shop')])
  expect(refusals()).toBe(2)
  secrets.stop()
  expect(watched()).toEqual([])
})

test('where namespaces are named, the whole cluster is never asked for', () => {
  const { secrets, watched, refusals } = secretWatches(false)
  secrets.start()
  expect(watched()).toEqual([])
  secrets.use('web', new Set(['shop']))
  expect(watched()).toEqual([inNamespace('shop')])
  expect(refusals()).toBe(0)
})
