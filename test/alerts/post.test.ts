import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { postJson } from '../../src/alerts/post.ts'

test('a body is posted as JSON, and the status is returned', async () => {
  const received: unknown[] = []
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      received.push([request.method, request.url, request.headers['content-type'], body])
      response.writeHead(204).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const url = new URL(`http://127.0.0.1:${port}/hook?token=s3cret`)
  expect(await postJson(url, '{"text":"ä"}')).toBe(204)
  expect(received).toEqual([['POST', '/hook?token=s3cret', 'application/json', '{"text":"ä"}']])
  await new Promise((resolve) => server.close(resolve))
  // The URL may hold a token.
  await expect(postJson(url, '{}')).rejects.toThrow(/^the alert sink did not answer$/)
})
