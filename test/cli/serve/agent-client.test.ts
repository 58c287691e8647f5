import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { askAgent } from '../../../src/cli/serve/agent-client.ts'

/** What askAgent makes of a server's response. */
async function answerTo(respond: (response: ServerResponse, path: string) => void): Promise<unknown> {
  const server = createServer((request, response) => respond(response, request.url ?? ''))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const answer = await askAgent('127.0.0.1', (server.address() as AddressInfo).port)
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  return answer
}

test('the JSON of /status is returned', async () => {
  expect(await answerTo((response, path) => response.end(JSON.stringify({ path })))).toEqual({
    path: '/status',
  })
})

test.each([
  ['what is no JSON', (response: ServerResponse) => response.end('<html>')],
  ['much more than 64 KiB', (response: ServerResponse) => response.end(`"${'a'.repeat(1_000_000)}"`)],
  ['a connection that is cut', (response: ServerResponse) => response.destroy()],
  ['silence for more than a second', () => undefined],
])('%s is undefined', async (_name, respond) => expect((await answerTo(respond)) === undefined).toBe(true))
