// Certificate, caBundle and install key of an install: the controller makes them and the webhook reads them, each with its own token and rights of deploy/.
import { X509Certificate } from 'node:crypto'
import { connect } from 'node:tls'
import type { V1Secret } from '@kubernetes/client-node'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import type { ApiCall } from '../../src/api/api.ts'
import { createClient } from '../../src/kube/client.ts'
import { kubeconfigConnection } from '../../src/kube/connection.ts'
import { accountKubeconfig } from '../support/account.ts'
import { kubectl, manifest, type Namespace, namespace, tryKubectl, until } from '../support/kube.ts'
import { type Serve, startServe } from '../support/serve.ts'
import type { WebhookConfiguration } from '../support/webhook.ts'

const SYSTEM = 'hotreload-system'
const system = ['--namespace', SYSTEM]
const NAMES = ['hotreload-ca', 'hotreload-serving', 'hotreload-install-key']
const configurationName = ['mutatingwebhookconfiguration', 'hotreload']

let ns: Namespace
let accounts: { webhook: string; controller: string }
let configuration: object
let running: Serve[] = []

beforeAll(async () => {
  ns = await namespace()
  const objects = parseAllDocuments(await kubectl(['kustomize', 'deploy'])).map((document) => document.toJS())
  const kinds = /^(Namespace|ServiceAccount|.*Role|.*RoleBinding|ValidatingAdmissionPolicy.*)$/
  await kubectl(['apply', '-f', '-'], manifest(objects.filter(({ kind }) => kinds.test(kind))))
  configuration = objects.find(({ kind }) => kind === 'MutatingWebhookConfiguration')
  accounts = {
    webhook: await accountKubeconfig('hotreload', SYSTEM),
    controller: await accountKubeconfig('hotreload-controller', SYSTEM),
  }
})
beforeEach(async () => {
  await kubectl(['delete', '--ignore-not-found', ...configurationName])
  await kubectl(['delete', 'secret', '--ignore-not-found', ...NAMES, ...system])
  // Left by a controller that the last test killed.
  await kubectl(['delete', 'lease', '--ignore-not-found', 'hotreload-controller', ...system])
})
afterEach(() => Promise.all(running.splice(0).map((one) => one.stop())))
afterAll(async () => {
  await tryKubectl(['delete', '--ignore-not-found', ...configurationName])
})

async function start(part: 'webhook' | 'controller'): Promise<Serve> {
  const flags = [`--only=${part}`, `--kubeconfig=${accounts[part]}`]
  const serve = await startServe(ns, part === 'webhook' ? [...flags, '--port=0'] : flags)
  running.push(serve)
  return serve
}
const applyConfiguration = () => kubectl(['apply', '-f', '-'], manifest(configuration))

const portsOf = (serve: Serve): Promise<{ port: number; metricsPort: number }> =>
  until('it serves', () => {
    const [line] = serve.logged('serving')
    return line && (line as unknown as { port: number; metricsPort: number })
  })
/** Empty: ready. */
async function notReady(serve: Serve): Promise<string> {
  const { metricsPort } = await portsOf(serve)
  const response = await fetch(`http://127.0.0.1:${metricsPort}/readyz`)
  return response.ok ? '' : response.text()
}
const ready = (serve: Serve) => until('it is ready', async () => (await notReady(serve)) === '')

async function secret(name: string): Promise<Readonly<Record<string, string>>> {
  const { data = {} }: V1Secret = parse(await kubectl(['get', 'secret', name, '--output=yaml', ...system]))
  return Object.fromEntries(
    Object.entries(data).map(([key, text]) => [key, Buffer.from(text, 'base64').toString()]),
  )
}

/** What the API server trusts, in PEM; undefined unless every entry has the same. */
async function caBundle(): Promise<string | undefined> {
  const { webhooks }: WebhookConfiguration = parse(
    await kubectl(['get', ...configurationName, '--output=yaml']),
  )
  const [bundle, ...others] = new Set(webhooks.map(({ clientConfig }) => clientConfig.caBundle))
  return bundle === undefined || others.length > 0 ? undefined : Buffer.from(bundle, 'base64').toString()
}
const published = () => until('every entry has the caBundle', caBundle)

/** Connects as an API server does that has this caBundle. @returns the serial number of the certificate that it was shown */
function handshake(port: number, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', ca, servername: `hotreload.${SYSTEM}.svc` }, () => {
      resolve(socket.getPeerCertificate().serialNumber)
      socket.destroy()
    })
    socket.on('error', reject)
  })
}

const serialOf = (pem: string | undefined): string => new X509Certificate(pem ?? '').serialNumber
const errors = (): string[] =>
  running.flatMap((one) =>
    one
      .log()
      .split('\n')
      .filter((line) => line.includes('"level":"error"')),
  )

test('the webhook first: it waits, and says for what; with the controller it is ready within seconds', async () => {
  await applyConfiguration()
  const webhook = await start('webhook')
  await until('it says for what it waits', async () =>
    (await notReady(webhook)).includes('no certificate yet: Secret hotreload-serving does not exist yet'),
  )
  const waits = webhook.logged('certificate not read; trying again')
  expect(waits).toHaveLength(1)
  expect(waits[0]).toMatchObject({ level: 'warn', error: expect.stringContaining('hotreload-controller') })

  await start('controller')
  await ready(webhook)
  const { port } = await portsOf(webhook)
  expect(await handshake(port, await published())).toBe(
    serialOf((await secret('hotreload-serving'))['tls.crt']),
  )
  await until('both have the install key', async () => (await secret('hotreload-install-key'))['key'])
  expect(errors()).toEqual([])
})

test('the controller first, and the webhook configuration last', async () => {
  await start('controller')
  await until(
    'the Secrets',
    async () => (await tryKubectl(['get', 'secret', ...NAMES, ...system])).code === 0,
  )
  const webhook = await start('webhook')
  await ready(webhook)
  await applyConfiguration()
  const bundle = await published()
  expect(bundle).toBe((await secret('hotreload-ca'))['ca.crt'])
  await handshake((await portsOf(webhook)).port, bundle)
  expect(errors()).toEqual([])
})

test('a renewed authority and certificate reach the running webhook, and no handshake fails meanwhile', async () => {
  await applyConfiguration()
  const [webhook] = [await start('webhook'), await start('controller')]
  await ready(webhook)
  const { port } = await portsOf(webhook)
  const before = await handshake(port, await published())

  const failed: unknown[] = []
  const done = new AbortController()
  const client = (async () => {
    while (!done.signal.aborted)
      await handshake(port, (await caBundle()) ?? '').catch((error: unknown) => failed.push(error))
  })()
  await kubectl(['delete', 'secret', 'hotreload-ca', ...system])
  await until(
    'a new authority is trusted beside the old one',
    async () => ((await caBundle()) ?? '').split('BEGIN').length === 3,
  )
  await kubectl(['delete', 'secret', 'hotreload-serving', ...system])
  await until(
    'the webhook serves another certificate',
    async () => (await handshake(port, (await caBundle()) ?? '')) !== before,
  )
  done.abort()
  await client
  expect(failed).toEqual([])
  const { 'tls.crt': cert = '', 'ca.crt': ca = '' } = await secret('hotreload-serving')
  expect(new X509Certificate(cert).checkIssued(new X509Certificate(ca))).toBe(true)
  expect((await secret('hotreload-ca'))['tls.crt']).toBe(ca)
  expect(webhook.logged('certificate in use')).toHaveLength(2)
})

test('a lost install key comes back as it was', async () => {
  await start('controller')
  const { key } = await until('the key', async () => {
    const { code } = await tryKubectl(['get', 'secret', 'hotreload-install-key', ...system])
    return code === 0 && secret('hotreload-install-key')
  })
  expect(key).toMatch(/^[0-9a-f]{64}$/)
  await kubectl(['delete', 'secret', 'hotreload-install-key', ...system])
  await until(
    'it is back',
    async () => {
      const { code } = await tryKubectl(['get', 'secret', 'hotreload-install-key', ...system])
      return code === 0 && (await secret('hotreload-install-key'))['key'] === key
    },
    90_000,
  )
})

test('what a webhook of an earlier version issued stays in use', async () => {
  await applyConfiguration()
  const earlier = await start('controller')
  await published()
  await until('the certificate', () => earlier.logged('certificate stored for the webhook').length > 0)
  await earlier.stop()
  running = []
  await kubectl(['delete', 'lease', 'hotreload-controller', ...system])
  // Its Secret had no ca.crt.
  const patch = JSON.stringify([{ op: 'remove', path: '/data/ca.crt' }])
  await kubectl(['patch', 'secret', 'hotreload-serving', '--type=json', `--patch=${patch}`, ...system])
  const before = [await secret('hotreload-ca'), await secret('hotreload-serving'), await caBundle()]

  const [webhook, controller] = [await start('webhook'), await start('controller')]
  await until(
    'the controller looks after it',
    () => controller.logged('certificate stored for the webhook').length > 0,
  )
  await ready(webhook)
  expect([await secret('hotreload-ca'), await secret('hotreload-serving'), await caBundle()]).toEqual(before)
  expect(errors()).toEqual([])
})

describe('the webhook’s token', () => {
  /** Of a call that may be made in vain, too: `kubectl patch` would read the object first. */
  async function statusOf(method: ApiCall['method'], path: string, body?: object): Promise<number> {
    const client = createClient(await kubeconfigConnection(accounts.webhook, SYSTEM))
    const contentType = 'application/merge-patch+json'
    const call = method === 'PATCH' ? { method, path, body, contentType } : { method, path, body }
    return (await client.call(call)).status
  }
  const configurations = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations'
  const secrets = `/api/v1/namespaces/${SYSTEM}/secrets`
  const stored = (name: string) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: SYSTEM },
    stringData: { a: 'b' },
  })
  const label = { metadata: { labels: { a: 'b' } } }
  beforeEach(async () => {
    await applyConfiguration()
    await kubectl(['apply', '-f', '-'], manifest(NAMES.map(stored)))
  })

  test('may not touch its webhook configuration, nor create one', async () => {
    const ours = `${configurations}/hotreload`
    expect(await statusOf('PATCH', ours, label)).toBe(403)
    expect(await statusOf('PUT', ours, configuration)).toBe(403)
    expect(await statusOf('DELETE', ours)).toBe(403)
    expect(await statusOf('GET', ours)).toBe(403)
    expect(await statusOf('POST', configurations, { ...configuration, metadata: { name: 'other' } })).toBe(
      403,
    )
  })

  test('may write and list no Secret', async () => {
    for (const name of NAMES) {
      expect(await statusOf('PATCH', `${secrets}/${name}`, label)).toBe(403)
      expect(await statusOf('PUT', `${secrets}/${name}`, stored(name))).toBe(403)
      expect(await statusOf('DELETE', `${secrets}/${name}`)).toBe(403)
    }
    expect(await statusOf('POST', secrets, stored('other'))).toBe(403)
    expect(await statusOf('GET', secrets)).toBe(403)
  })

  test('may read its certificate and the install key, and neither the authority’s key nor another Secret', async () => {
    expect(await statusOf('GET', `${secrets}/hotreload-serving`)).toBe(200)
    expect(await statusOf('GET', `${secrets}/hotreload-install-key`)).toBe(200)
    expect(await statusOf('GET', `${secrets}/hotreload-ca`)).toBe(403)
    expect(await statusOf('GET', `${secrets}/other`)).toBe(403)
  })
})
