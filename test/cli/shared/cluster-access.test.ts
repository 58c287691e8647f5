// Which cluster is meant, found as kubectl finds it; and what is said where there is none.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ResponseTooLarge } from '../../../src/api/api.ts'
import { clusterAccess, refusal } from '../../../src/cli/shared/cluster-access.ts'
import { type FakeApi, fakeApi } from '../../support/api.ts'

let home: string
let api: FakeApi
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'hotreload-home-'))
  api = await fakeApi()
  const { server } = await api.connection.credentials()
  await mkdir(join(home, '.kube'))
  const config = (name: string, url: string) =>
    JSON.stringify({
      'current-context': name,
      clusters: [{ name: 'shared', cluster: { server: url, 'insecure-skip-tls-verify': true } }],
      users: [{ name, user: { token: 'test' } }],
      contexts: [{ name, context: { cluster: 'shared', user: name, namespace: `of-${name}` } }],
    })
  await writeFile(join(home, '.kube', 'config'), config('usual', server.href))
  await writeFile(join(home, 'other'), config('other', 'https://127.0.0.1:1'))
})
afterAll(async () => {
  await api.close()
  await rm(home, { recursive: true })
})

test.each<[string, Parameters<typeof clusterAccess>[0], NodeJS.ProcessEnv, string]>([
  ['~/.kube/config', {}, {}, 'of-usual'],
  ['the file that KUBECONFIG names', {}, { KUBECONFIG: 'other' }, 'of-other'],
  ['--kubeconfig before KUBECONFIG', { kubeconfig: '.kube/config' }, { KUBECONFIG: 'other' }, 'of-usual'],
  ['the first current context of several files', {}, { KUBECONFIG: 'gone:other:.kube/config' }, 'of-other'],
  ['--context of any of them', { context: 'usual' }, { KUBECONFIG: 'other:.kube/config' }, 'of-usual'],
  ['--namespace before the context’s', { namespace: 'shop' }, {}, 'shop'],
])('%s', async (_, options, environment, expected) => {
  const placed = (text: string) =>
    text
      .split(':')
      .map((name) => join(home, name))
      .join(delimiter)
  const { kubeconfig } = options
  const { KUBECONFIG } = environment
  const client = await clusterAccess(
    { ...options, ...(kubeconfig ? { kubeconfig: placed(kubeconfig) } : {}) },
    { HOME: home, ...(KUBECONFIG ? { KUBECONFIG: placed(KUBECONFIG) } : {}) },
  )
  expect(client.namespace).toBe(expected)
})

test('of two clusters with one name, the first file’s is used', async () => {
  api.objects.set('/version', { metadata: { name: 'v' } })
  const files = ['.kube/config', 'other'].map((name) => join(home, name)).join(delimiter)
  const client = await clusterAccess({ context: 'other' }, { KUBECONFIG: files })
  expect(await client.call({ method: 'GET', path: '/version' })).toMatchObject({ status: 200 })
})

test.each<[string, NodeJS.ProcessEnv, RegExp]>([
  ['no file', { HOME: '/nonexistent' }, /\/nonexistent\/\.kube\/config does not exist; .*\[HR_NO_CLUSTER\]/],
  [
    'none of KUBECONFIG',
    { KUBECONFIG: '/nonexistent' },
    /KUBECONFIG names \/nonexistent, .*\[HR_NO_CLUSTER\]/,
  ],
])('%s', (_, environment, message) => expect(clusterAccess({}, environment)).rejects.toThrow(message))

test('a call that gets no answer names the reason', async () => {
  const client = await clusterAccess({ kubeconfig: join(home, 'other') }, {})
  await expect(client.call({ method: 'GET', path: '/version' })).rejects.toThrow(
    /does not answer GET \/version: ECONNREFUSED; .*\[HR_UNREACHABLE\]/,
  )
  api.silent.add('/slow')
  const slow = await clusterAccess({}, { HOME: home })
  await expect(slow.call({ method: 'GET', path: '/slow', timeoutMilliseconds: 50 })).rejects.toThrow(
    'no answer in time',
  )
})

test('an answer that is too long is one all the same, of which a list asks for less', async () => {
  api.objects.set('/long', { metadata: { name: 'a'.repeat(100) } })
  const client = await clusterAccess({}, { HOME: home })
  await expect(client.call({ method: 'GET', path: '/long', responseLimit: 50 })).rejects.toThrow(
    ResponseTooLarge,
  )
})

test.each([
  [401, /does not know you; log in again/],
  [403, /you may not list nodes; ask for the right/],
  [404, /list nodes: it does not exist/],
  [500, /list nodes: 500 broken/],
])('an answer of %i', (status, message) =>
  expect(refusal({ status, body: { message: 'broken' } }, 'list nodes').message).toMatch(message),
)
