import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createConfigReader } from '../../src/api/config-reader.ts'
import { INSTALL_KEY_SECRET, readInstallKey } from '../../src/cli/serve/install-key.ts'
import { createBundlePublisher } from '../../src/kube/ca-bundle.ts'
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

describe('reading configuration', () => {
  const path = '/api/v1/namespaces/shop/configmaps/web'

  test('a ConfigMap comes as it is', async () => {
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

  test('an empty ConfigMap is content too', async () => {
    api.objects.set(path, { metadata: { name: 'web' } })
    const empty = { data: {}, binaryData: {}, immutable: false }
    expect(await createConfigReader(client).configMap('shop', 'web')).toEqual(empty)
  })

  test('of a Secret all is binaryData, still base64', async () => {
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
    'a reference named %j can not exist, and is not asked for',
    async (name) => {
      const reader = createConfigReader(client)
      expect(await reader.configMap('shop', name)).toBe('absent')
      expect(await reader.secret(name, 'web')).toBe('absent')
      expect(api.calls).toEqual([])
    },
  )

  test('a server that says nothing costs no more than the budget', async () => {
    api.silent.add(path)
    const start = performance.now()
    const reads = Array.from({ length: 50 }, () => createConfigReader(client, 200).configMap('shop', 'web'))
    expect(new Set(await Promise.all(reads))).toEqual(new Set(['unavailable']))
    expect(performance.now() - start).toBeLessThan(5_000) // one after the other would be 10 s
  })

  test('no server at all is unavailable', async () => {
    await api.close()
    expect(await createConfigReader(client).configMap('shop', 'web')).toBe('unavailable')
  })
})

describe('our Secrets', () => {
  test('are created once; who is second is told', async () => {
    const store = createSecretStore(client)
    expect(await store.read('own')).toBeUndefined()
    expect(await store.create('own', { a: 'é' })).toBe(true)
    expect(await store.create('own', { a: 'other' })).toBe(false)
    expect(await store.read('own')).toMatchObject({ data: { a: 'é' } })
  })

  test('are updated only as they were read, and other keys stay', async () => {
    const store = createSecretStore(client)
    await store.create('own', { a: '1', b: '2' })
    const { resourceVersion } = (await store.read('own')) ?? { resourceVersion: '' }
    expect(await store.update('own', { a: '3' }, resourceVersion)).toBe(true)
    expect(await store.update('own', { a: '4' }, resourceVersion)).toBe(false)
    expect((await store.read('own'))?.data).toEqual({ a: '3', b: '2' })
    expect(await store.update('gone', {}, '1')).toBe(false)
  })

  test('that may not be read are an error with the status and the server’s words', async () => {
    api.statuses.set('/api/v1/namespaces/hotreload-system/secrets/own', 403)
    const read = createSecretStore(client).read('own')
    await expect(read).rejects.toThrow('GET /api/v1/namespaces/hotreload-system/secrets/own: 403 forced 403')
  })
})

describe('the install key', () => {
  test('is made once and then the same for all', async () => {
    const store = createSecretStore(client)
    const keys = await Promise.all([readInstallKey(store), readInstallKey(store)])
    keys.push(await readInstallKey(store))
    expect(new Set(keys.map(({ id }) => id)).size).toBe(1)
    expect(keys[0]?.key).toHaveLength(32)
    expect(keys[0]?.id).toMatch(/^[0-9a-f]{8}$/)
    expect(Buffer.from(keys[0]?.key ?? '').toString('hex')).not.toContain(keys[0]?.id)
  })

  test('that is something else is an error, never replaced', async () => {
    const store = createSecretStore(client)
    await store.create(INSTALL_KEY_SECRET, { key: 'short' })
    await expect(readInstallKey(store)).rejects.toThrow(/64 hexadecimal digits.*\[HR_BAD_INSTALL_KEY\]/)
    expect((await store.read(INSTALL_KEY_SECRET))?.data).toEqual({ key: 'short' })
  })
})

describe('the caBundle', () => {
  const path = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/hotreload'
  const entry = (name: string, caBundle?: string) => ({
    name,
    clientConfig: { service: { name: 'hotreload' }, ...(caBundle === undefined ? {} : { caBundle }) },
  })
  const ours = Buffer.from('PEM').toString('base64')

  test('is put into every entry that lacks it, and nothing else is touched', async () => {
    api.objects.set(path, {
      metadata: { name: 'hotreload', resourceVersion: '7' },
      webhooks: [entry('a'), entry('b', 'old')],
    })
    expect(await createBundlePublisher(client, 'hotreload').publish('PEM')).toBe(true)
    expect(api.objects.get(path)?.['webhooks']).toEqual([entry('a', ours), entry('b', ours)])
  })

  test('that is right already is only read', async () => {
    api.objects.set(path, {
      metadata: { name: 'hotreload', resourceVersion: '7' },
      webhooks: [entry('a', ours)],
    })
    expect(await createBundlePublisher(client, 'hotreload').publish('PEM')).toBe(true)
    expect(api.calls).toEqual([`GET ${path}`])
  })

  test('waits where there is no configuration, or it changed meanwhile', async () => {
    const publisher = createBundlePublisher(client, 'hotreload')
    expect(await publisher.publish('PEM')).toBe(false)
    api.objects.set(path, { metadata: { name: 'hotreload', resourceVersion: '7' }, webhooks: [entry('a')] })
    const racing: KubeClient = {
      ...client,
      async call(call) {
        const response = await client.call(call)
        const now = api.objects.get(path)
        if (call.method === 'GET' && now !== undefined)
          api.objects.set(path, { ...now, metadata: { ...now.metadata, resourceVersion: '8' } })
        return response
      },
    }
    expect(await createBundlePublisher(racing, 'hotreload').publish('PEM')).toBe(false)
    expect(api.objects.get(path)?.['webhooks']).toEqual([entry('a')])
  })
})
