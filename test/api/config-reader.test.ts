import { afterEach, beforeEach, expect, test } from 'vitest'
import { createConfigReader } from '../../src/api/config-reader.ts'
import { createClient, type KubeClient } from '../../src/kube/client.ts'
import { type FakeApi, fakeApi } from '../support/api.ts'

let api: FakeApi
let client: KubeClient
beforeEach(async () => {
  api = await fakeApi()
  client = createClient(api.connection)
})
afterEach(() => api.close())

const path = '/api/v1/namespaces/shop/configmaps/web'

test('a ConfigMap keeps data, binaryData and immutable', async () => {
  api.objects.set(path, {
    metadata: { name: 'web' },
    data: { a: '1' },
    binaryData: { b: 'AA==' },
    immutable: true,
  })
  const reader = createConfigReader(client)
  expect(await reader.configMap('shop', 'web')).toEqual({
    data: { a: '1' },
    binaryData: { b: 'AA==' },
    immutable: true,
  })
})

test('an empty ConfigMap has content', async () => {
  api.objects.set(path, { metadata: { name: 'web' } })
  const empty = { data: {}, binaryData: {}, immutable: false }
  expect(await createConfigReader(client).configMap('shop', 'web')).toEqual(empty)
})

test('a Secret’s data becomes binaryData, still base64', async () => {
  api.objects.set('/api/v1/namespaces/shop/secrets/db', {
    metadata: { name: 'db' },
    data: { password: 'aHVudGVyMg==' },
  })
  const secret = { data: {}, binaryData: { password: 'aHVudGVyMg==' }, immutable: false }
  expect(await createConfigReader(client).secret('shop', 'db')).toEqual(secret)
})

test.each([
  [404, 'absent'],
  [403, 'forbidden'],
  [401, 'unavailable'],
  [500, 'unavailable'],
  [429, 'unavailable'],
])('status %i is %s', async (status, expected) => {
  api.statuses.set(path, status)
  expect(await createConfigReader(client).configMap('shop', 'web')).toBe(expected)
})

test.each(['../nodes', 'a/b', 'a?watch=1', '..', 'a..b', '', 'A', 'ü', 'a%2fb', 'a'.repeat(254)])(
  'no object can be named %j, so there is no request',
  async (name) => {
    const reader = createConfigReader(client)
    expect(await reader.configMap('shop', name)).toBe('absent')
    expect(await reader.secret(name, 'web')).toBe('absent')
    expect(api.calls).toEqual([])
  },
)

test('a silent server takes no more time than the budget', async () => {
  api.silent.add(path)
  const start = performance.now()
  const reads = Array.from({ length: 50 }, () => createConfigReader(client, 200).configMap('shop', 'web'))
  expect(new Set(await Promise.all(reads))).toEqual(new Set(['unavailable']))
  expect(performance.now() - start).toBeLessThan(5_000) // one after the other would be 10 s
})

test('an unreachable server is unavailable', async () => {
  await api.close()
  expect(await createConfigReader(client).configMap('shop', 'web')).toBe('unavailable')
})
