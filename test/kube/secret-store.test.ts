import { afterEach, beforeEach, expect, test } from 'vitest'
import { createClient, type KubeClient } from '../../src/kube/client.ts'
import { createSecretStore } from '../../src/kube/secret-store.ts'
import { type FakeApi, fakeApi } from '../support/api.ts'

let api: FakeApi
let client: KubeClient
beforeEach(async () => {
  api = await fakeApi()
  client = createClient(api.connection)
})
afterEach(() => api.close())

test('a Secret is created once; the second create returns false', async () => {
  const store = createSecretStore(client)
  expect(await store.read('own')).toBeUndefined()
  expect(await store.create('own', { a: 'é' })).toBe(true)
  expect(await store.create('own', { a: 'other' })).toBe(false)
  expect(await store.read('own')).toMatchObject({ data: { a: 'é' } })
})

test('an empty Secret, as the manifests hold it, counts as none, and create fills it once', async () => {
  const store = createSecretStore(client)
  await store.create('own', {})
  expect(await store.read('own')).toBeUndefined()
  const created = await Promise.all([store.create('own', { a: '1' }), store.create('own', { a: '2' })])
  expect(created.filter(Boolean)).toHaveLength(1)
  expect(Object.keys((await store.read('own'))?.data ?? {})).toEqual(['a'])
})

test('an update needs the resourceVersion of the last read, and leaves other keys', async () => {
  const store = createSecretStore(client)
  await store.create('own', { a: '1', b: '2' })
  const { resourceVersion } = (await store.read('own')) ?? { resourceVersion: '' }
  expect(await store.update('own', { a: '3' }, resourceVersion)).toBe(true)
  expect(await store.update('own', { a: '4' }, resourceVersion)).toBe(false)
  expect((await store.read('own'))?.data).toEqual({ a: '3', b: '2' })
  expect(await store.update('gone', {}, '1')).toBe(false)
})

test('a refused read is an error with the status and the server’s message', async () => {
  api.statuses.set('/api/v1/namespaces/hotreload-system/secrets/own', 403)
  const read = createSecretStore(client).read('own')
  await expect(read).rejects.toThrow('GET /api/v1/namespaces/hotreload-system/secrets/own: 403 forced 403')
})
