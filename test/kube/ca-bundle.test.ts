import { afterEach, beforeEach, expect, test } from 'vitest'
import { createBundlePublisher } from '../../src/kube/ca-bundle.ts'
import { createClient, type KubeClient } from '../../src/kube/client.ts'
import { type FakeApi, fakeApi } from '../support/api.ts'

let api: FakeApi
let client: KubeClient
beforeEach(async () => {
  api = await fakeApi()
  client = createClient(api.connection)
})
afterEach(() => api.close())

const path = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/hotreload'
const entry = (name: string, caBundle?: string) => ({
  name,
  clientConfig: { service: { name: 'hotreload' }, ...(caBundle === undefined ? {} : { caBundle }) },
})
const ours = Buffer.from('PEM').toString('base64')

test('the caBundle is written into every webhook that lacks it, and nothing else changes', async () => {
  api.objects.set(path, {
    metadata: { name: 'hotreload', resourceVersion: '7' },
    webhooks: [entry('a'), entry('b', 'old')],
  })
  expect(await createBundlePublisher(client, 'hotreload').publish('PEM')).toBe(true)
  expect(api.objects.get(path)?.['webhooks']).toEqual([entry('a', ours), entry('b', ours)])
})

test('a caBundle that is right is only read', async () => {
  api.objects.set(path, {
    metadata: { name: 'hotreload', resourceVersion: '7' },
    webhooks: [entry('a', ours)],
  })
  expect(await createBundlePublisher(client, 'hotreload').publish('PEM')).toBe(true)
  expect(api.calls).toEqual([`GET ${path}`])
})

test('what is published is read from the first webhook that has a caBundle', async () => {
  const publisher = createBundlePublisher(client, 'hotreload')
  expect(await publisher.published()).toBe('')
  api.objects.set(path, { metadata: { name: 'hotreload' }, webhooks: [entry('a'), entry('b', ours)] })
  expect(await publisher.published()).toBe('PEM')
})

test('a missing configuration, or one that changes meanwhile, returns false', async () => {
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
