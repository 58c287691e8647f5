import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ResponseTooLarge } from '../../src/api/api.ts'
import { createClient, type KubeClient } from '../../src/kube/client.ts'

let respond: (request: IncomingMessage, response: ServerResponse) => unknown
let client: KubeClient
let close: () => Promise<void>
beforeEach(async () => {
  const server = createServer((request, response) => void respond(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = Object(server.address())
  const url = new URL(`http://127.0.0.1:${port}/clusters/a/`)
  const headers = { authorization: 'Bearer test' }
  client = createClient({ namespace: 'own', credentials: async () => ({ server: url, headers, tls: {} }) })
  close = async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})
afterEach(() => close())

test('a call has the server’s path, the credentials, and JSON', async () => {
  respond = async (request, response) => {
    const { method, url, headers } = request
    const { authorization, accept, 'content-type': contentType } = headers
    const body = await text(request)
    response.writeHead(201).end(JSON.stringify({ method, url, authorization, accept, contentType, body }))
  }
  expect(await client.call({ method: 'POST', path: '/api/v1/pods', body: { name: 'ü' } })).toEqual({
    status: 201,
    body: {
      method: 'POST',
      url: '/clusters/a/api/v1/pods',
      authorization: 'Bearer test',
      accept: 'application/json',
      contentType: 'application/json',
      body: '{"name":"ü"}',
    },
  })
})

test('any status is a response, and a body that is not JSON is undefined', async () => {
  respond = (_, response) => response.writeHead(502).end('<html>')
  expect(await client.call({ method: 'GET', path: '/' })).toEqual({ status: 502, body: undefined })
})

test('how long an API server with too much to do asks to wait is part of its response', async () => {
  const answers = [{ 'retry-after': '3' }, { 'retry-after': 'Thu, 01 Jan 2026 00:00:00 GMT' }, {}]
  respond = (_, response) => response.writeHead(429, answers.shift()).end('{}')
  const call = () => client.call({ method: 'GET', path: '/' })
  expect(await call()).toEqual({ status: 429, body: {}, retryAfterSeconds: 3 })
  expect(await call()).toEqual({ status: 429, body: {} })
  expect(await call()).toEqual({ status: 429, body: {} })
})

test('a silent server ends a call after its timeout', async () => {
  respond = () => undefined
  await expect(client.call({ method: 'GET', path: '/', timeoutMilliseconds: 50 })).rejects.toThrow(/abort/)
})

test('a response over 8 MiB ends the call', async () => {
  respond = (_, response) => response.end('x'.repeat(8 * 1024 * 1024 + 1))
  await expect(client.call({ method: 'GET', path: '/' })).rejects.toThrow(ResponseTooLarge)
  const small = client.call({ method: 'GET', path: '/', responseLimit: 1024 * 1024 })
  await expect(small).rejects.toThrow('over 1 MiB')
})

test('a stream has the status and the parts as they arrive, until its signal', async () => {
  const stop = new AbortController()
  respond = (_, response) => response.writeHead(200).write('one')
  const { status, parts } = await client.stream({ method: 'GET', path: '/' }, stop.signal)
  const seen: string[] = []
  const reading = (async () => {
    for await (const part of parts) {
      seen.push(part.toString())
      stop.abort()
    }
  })()
  await expect(reading).rejects.toThrow(/abort/)
  expect([status, seen]).toEqual([200, ['one']])
})
