// A Secret's value must not stay in a buffer: a value that a client has read is searched for in the bytes of its process.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { HELD_BYTES, heldBytes } from '../support/held-bytes-of.ts'

const CLIENT = new URL('../../src/kube/client.ts', import.meta.url)
const value = `planted-${crypto.randomUUID()}`
const server = createServer((_request, response) => response.end(JSON.stringify({ data: { key: value } })))
beforeEach(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterEach(() => server.close())

/** A process that reads the value, sends 'done', and stays. `keep` is code that it runs with the response. */
function reader(keep: string) {
  const address = server.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  const program = `
    import { createClient } from '${CLIENT.href}'
    const credentials = async () => ({ server: new URL('http://127.0.0.1:${port}'), headers: {}, tls: {} })
    const { body } = await createClient({ namespace: 'shop', credentials }).call({ method: 'GET', path: '/' })
    ${keep}
    process.send('done')
    setInterval(() => {}, 1_000)`
  return spawn(process.execPath, [`--import=${HELD_BYTES}`, '--input-type=module', '--eval', program], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
}

test.each([
  ['nothing of a response stays in a buffer', '', []],
  ['a value that stays is found', 'globalThis.kept = Buffer.from(body.data.key)', [value]],
])('%s', async (_name, keep, expected) => {
  const child = reader(keep)
  try {
    await once(child, 'message')
    expect(await heldBytes(child, [value])).toEqual(expected)
  } finally {
    child.kill('SIGKILL')
  }
})
