import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { kubeconfigConnection, podConnection } from '../../src/kube/connection.ts'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hotreload-kube-'))
})
afterAll(() => rm(directory, { recursive: true }))
const put = (name: string, text: string) => writeFile(join(directory, name), text)

describe('in a Pod', () => {
  test('a missing token: the error names the file and the remedy', async () => {
    const connection = podConnection({ KUBERNETES_SERVICE_HOST: '10.96.0.1' }, '/nonexistent')
    await expect(connection).rejects.toThrow(/\/nonexistent\/\S+ is not readable; .*\[HR_NO_CLUSTER\]/)
  })

  test.each([
    ['10.96.0.1', '443', 'https://10.96.0.1/'],
    ['fd00::1', '6443', 'https://[fd00::1]:6443/'],
  ])('%s and port %s are %s', async (host, port, url) => {
    await Promise.all([put('token', 'secret\n'), put('ca.crt', 'PEM'), put('namespace', 'hotreload-system')])
    const environment = { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port }
    const connection = await podConnection(environment, directory)
    expect(connection.namespace).toBe('hotreload-system')
    const { server, headers, tls } = await connection.credentials()
    expect(server.href).toBe(url)
    expect(headers).toEqual({ authorization: 'Bearer secret' })
    expect(tls).toEqual({ ca: 'PEM' })
  })

  test('a renewed token is read within a minute, though somebody set the clock back', async () => {
    await Promise.all([put('token', 'old'), put('ca.crt', 'PEM'), put('namespace', 'hotreload-system')])
    const connection = await podConnection({ KUBERNETES_SERVICE_HOST: '10.96.0.1' }, directory)
    await put('token', 'new')
    vi.useFakeTimers({ toFake: ['Date', 'performance'], now: Date.now() - 7_200_000 })
    onTestFinished(() => void vi.useRealTimers())
    vi.advanceTimersByTime(61_000)
    expect((await connection.credentials()).headers).toEqual({ authorization: 'Bearer new' })
  })
})

describe('a kubeconfig', () => {
  const pem = Buffer.from('PEM').toString('base64')
  const config = (user: string) => `
apiVersion: v1
kind: Config
current-context: test
contexts: [{name: test, context: {cluster: test, user: test, namespace: platform}}]
clusters: [{name: test, cluster: {server: 'https://127.0.0.1:6443', certificate-authority-data: ${pem}, tls-server-name: api}}]
users: [{name: test, user: ${user}}]
`
  test.each([
    ['a token', '{token: abc}', { headers: { authorization: 'Bearer abc' } }],
    ['a password', '{username: u, password: p}', { headers: { authorization: 'Basic dTpw' } }],
    ['a client certificate', `{client-certificate-data: ${pem}, client-key-data: ${pem}}`, { headers: {} }],
  ])('with %s', async (_what, user, expected) => {
    await put('config', config(user))
    const connection = await kubeconfigConnection(join(directory, 'config'), 'default')
    expect(connection.namespace).toBe('platform')
    const credentials = await connection.credentials()
    expect(credentials).toMatchObject(expected)
    expect(credentials.server.href).toBe('https://127.0.0.1:6443/')
    expect(String(credentials.tls.ca)).toBe('PEM')
    expect(credentials.tls.servername).toBe('api')
  })

  test.each([
    ['absent', "can't be read (ENOENT)"],
    ['empty', 'has no current context with a cluster'],
    ['broken', 'is not a kubeconfig'],
  ])('that is %s: an error that names file and remedy', async (name, problem) => {
    await put('empty', 'kind: Config\n')
    await put('broken', '{{{')
    const connection = kubeconfigConnection(join(directory, name), 'default')
    await expect(connection).rejects.toThrow(`${join(directory, name)} ${problem}; try it with kubectl`)
  })
})
