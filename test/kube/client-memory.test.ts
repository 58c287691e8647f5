// A Secret's value must not outlive its hash in some buffer: what a client has read is searched for in the bytes that its process holds.
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

/** Reads it, says 'done', and lives on. `keep` is what it does with the answer. */
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
  ['nothing of an answer stays in a buffer', '', []],
  ['which would be seen', 'globalThis.kept = Buffer.from(body.data.key)', [value]],
])('%s', async (_name, keep, expected) => {
  const child = reader(keep)
  try {
    await once(child, 'message')
    expect(await heldBytes(child, [value])).toEqual(expected)
  } finally {
    child.kill('SIGKILL')
  }
})
