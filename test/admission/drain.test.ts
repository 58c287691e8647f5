import { Agent, request as httpsRequest } from 'node:https'
import { describe, expect, test } from 'vitest'
import { drained } from '../../src/admission/drain.ts'
import { countingServer, listen, review, unchanged, useTestCertificate } from '../support/server.ts'

interface Reply {
  status: number | undefined
  connection: string | undefined
}

async function listening(draining: () => boolean) {
  const { server } = countingServer(unchanged, { draining })
  await useTestCertificate(server)
  const port = await listen(server)
  const agent = new Agent({ keepAlive: true, rejectUnauthorized: false })
  const send = () =>
    new Promise<Reply>((resolve, reject) => {
      const headers = { 'content-type': 'application/json' }
      const call = httpsRequest(
        { port, host: '127.0.0.1', path: '/mutate/pods', method: 'POST', agent, headers },
        (response) =>
          response
            .resume()
            .on('end', () =>
              resolve({ status: response.statusCode, connection: response.headers.connection }),
            ),
      )
      call.on('error', reject).end(JSON.stringify(review()))
    })
  return { server, agent, send }
}

describe('draining', () => {
  test('every call gets an answer with Connection: close, and draining ends with the last connection', async () => {
    let draining = false
    const { server, send } = await listening(() => draining)
    expect(await send()).toEqual({ status: 200, connection: 'keep-alive' })
    draining = true
    const start = performance.now()
    const done = drained(server.server, { settleMilliseconds: 300, idleMilliseconds: 10_000 })
    // On the connection that was open, and on new ones: still accepted.
    const replies = await Promise.all(Array.from({ length: 20 }, send))
    expect(replies).toEqual(Array.from({ length: 20 }, () => ({ status: 200, connection: 'close' })))
    await done
    const waited = performance.now() - start
    expect(waited).toBeGreaterThanOrEqual(300)
    expect(waited).toBeLessThan(5_000)
    await server.close()
  })

  test('draining waits for an idle connection only as long as the client keeps it', async () => {
    const { server, agent, send } = await listening(() => false)
    await send()
    const start = performance.now()
    await drained(server.server, { settleMilliseconds: 0, idleMilliseconds: 400 })
    expect(performance.now() - start).toBeGreaterThanOrEqual(400)
    agent.destroy()
    await server.close()
  })
})
