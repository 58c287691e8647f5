// Our small client against a real API server: it handles conflicts, and changes nothing but the caBundle.
import { beforeAll, describe, expect, test } from 'vitest'
import { createConfigReader } from '../../src/api/config-reader.ts'
import { ensureInstallKey } from '../../src/cli/serve/install-key.ts'
import { createBundlePublisher } from '../../src/kube/ca-bundle.ts'
import { createClient, type KubeClient } from '../../src/kube/client.ts'
import { kubeconfigConnection } from '../../src/kube/connection.ts'
import { createSecretStore } from '../../src/kube/secret-store.ts'
import { ownAuthority } from '../../src/tls/own-authority.ts'
import { type Namespace, namespace } from '../support/kube.ts'
import { cluster, kubectl, manifest, tryKubectl } from '../support/kubectl.ts'

let ns: Namespace
let client: KubeClient
beforeAll(async () => {
  ns = await namespace()
  const connection = await kubeconfigConnection(cluster().kubeconfig, 'default')
  client = createClient({ ...connection, namespace: ns.name })
})

test('ConfigMaps and Secrets are read as kubectl stored them', async () => {
  const configMap = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'web' },
    data: { a: 'é' },
    immutable: true,
  }
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'db' },
    stringData: { password: 'hunter2' },
  }
  await ns.apply([configMap, secret])
  const reader = createConfigReader(client)
  expect(await reader.configMap(ns.name, 'web')).toEqual({
    data: { a: 'é' },
    binaryData: {},
    immutable: true,
  })
  const binaryData = { password: Buffer.from('hunter2').toString('base64') }
  expect(await reader.secret(ns.name, 'db')).toEqual({ data: {}, binaryData, immutable: false })
  expect(await reader.configMap(ns.name, 'gone')).toBe('absent')
  expect(await reader.secret('gone', 'db')).toBe('absent')
})

test('a Secret is created once, and updated only if nobody has changed it since it was read', async () => {
  const store = createSecretStore(client)
  expect(await store.create('own', { a: '1', b: '2' })).toBe(true)
  expect(await store.create('own', { a: '3' })).toBe(false)
  const read = await store.read('own')
  expect(read?.data).toEqual({ a: '1', b: '2' })
  await ns.kubectl(['annotate', 'secret', 'own', 'someone=else'])
  expect(await store.update('own', { a: '4' }, read?.resourceVersion ?? '')).toBe(false)
  const again = await store.read('own')
  expect(await store.update('own', { a: '4' }, again?.resourceVersion ?? '')).toBe(true)
  expect((await store.read('own'))?.data).toEqual({ a: '4', b: '2' })
  expect(
    await ns.kubectl(['get', 'secret', 'own', '--output=jsonpath={.metadata.annotations.someone}']),
  ).toBe('else')
})

describe('with a webhook configuration', () => {
  const name = `test-${crypto.randomUUID().slice(0, 8)}`
  const entry = (path: string) => ({
    name: `${path}.hotreload.dev`,
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    namespaceSelector: { matchLabels: { 'hotreload.dev/nobody': name } },
    clientConfig: { service: { name: 'hotreload', namespace: 'nowhere', path: `/${path}` } },
  })
  beforeAll(async () => {
    const apiVersion = 'admissionregistration.k8s.io/v1'
    const configuration = {
      apiVersion,
      kind: 'MutatingWebhookConfiguration',
      metadata: { name },
      webhooks: [entry('a'), entry('b')],
    }
    await kubectl(['apply', '-f', '-'], manifest(configuration))
    return async () => {
      await tryKubectl(['delete', 'mutatingwebhookconfiguration', name])
    }
  })
  const stored = async () =>
    JSON.parse(await kubectl(['get', 'mutatingwebhookconfiguration', name, '--output=json']))

  test('two replicas that start at once agree on authority, certificate and key, and publish the bundle', async () => {
    const secrets = createSecretStore(client)
    const publisher = createBundlePublisher(client, name)
    const before = await stored()
    const replica = () =>
      ownAuthority({ secrets, publisher, names: ['hotreload.nowhere.svc'], now: () => new Date() }).current()
    const [one, other] = await Promise.all([replica(), replica()])
    // The replica that lost the race publishes at its next check.
    expect(await replica()).toEqual(one)
    expect(other).toEqual(one)
    const after = await stored()
    const caBundle = Buffer.from((await secrets.read('hotreload-ca'))?.data['ca.crt'] ?? '').toString(
      'base64',
    )
    const withBundle = (webhook: { clientConfig: object }) => ({
      ...webhook,
      clientConfig: { ...webhook.clientConfig, caBundle },
    })
    expect(after.webhooks).toEqual(before.webhooks.map(withBundle))
    const keys = await Promise.all([ensureInstallKey(secrets), ensureInstallKey(secrets)])
    expect(keys[0]).toEqual(keys[1])
  })

  test('a configuration that changes between the read and the write stays until the next check', async () => {
    const racing: KubeClient = {
      ...client,
      async call(call) {
        const response = await client.call(call)
        if (call.method === 'GET')
          await kubectl(['annotate', 'mutatingwebhookconfiguration', name, `at=${Date.now()}`, '--overwrite'])
        return response
      },
    }
    const before = (await stored()).webhooks
    expect(await createBundlePublisher(racing, name).publish('another')).toBe(false)
    expect((await stored()).webhooks).toEqual(before)
  })

  test('the bundle stays when the same configuration is applied again', async () => {
    const before = (await stored()).webhooks
    const apiVersion = 'admissionregistration.k8s.io/v1'
    const configuration = {
      apiVersion,
      kind: 'MutatingWebhookConfiguration',
      metadata: { name },
      webhooks: [entry('a'), entry('b')],
    }
    await kubectl(['apply', '-f', '-'], manifest(configuration))
    await kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], manifest(configuration))
    expect((await stored()).webhooks).toEqual(before)
  })
})

test('40 watches don’t block other calls', async () => {
  const ended = new AbortController()
  const watch = { method: 'GET', path: `/api/v1/namespaces/${ns.name}/secrets?watch=true` } as const
  try {
    for (let watches = 0; watches < 40; watches += 1)
      expect((await client.stream(watch, ended.signal)).status).toBe(200)
    const { status } = await client.call({ method: 'GET', path: `/api/v1/namespaces/${ns.name}` })
    expect(status).toBe(200)
  } finally {
    ended.abort()
  }
})
