import { expect, test } from 'vitest'
import { listenOn } from '../../../src/cli/serve/listen.ts'

const failing = (code: string) => Object.assign(new Error('listen'), { code })

test('the port that the system chose is returned', async () => {
  const port = await listenOn('--port', 0, async () => ({ address: '::', family: 'IPv6', port: 4711 }))
  expect(port).toBe(4711)
})

test('without IPv6 in the kernel, IPv4 alone is used', async () => {
  const hosts: string[] = []
  const port = await listenOn('--port', 8443, async ({ host }) => {
    hosts.push(host)
    if (host === '::') throw failing('EAFNOSUPPORT')
    return null
  })
  expect(hosts).toEqual(['::', '0.0.0.0'])
  expect(port).toBe(8443)
})

test.each([
  ['EADDRINUSE', '--port: 80 is in use; use another port [HR_PORT]'],
  ['EACCES', '--port: 80 is not permitted; use one from 1024 up [HR_PORT]'],
  ['EMFILE', 'listen'],
])('%s: %s', async (code, message) => {
  const listening = listenOn('--port', 80, async () => {
    throw failing(code)
  })
  await expect(listening).rejects.toThrow(message)
})
