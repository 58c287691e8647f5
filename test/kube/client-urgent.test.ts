// Over TLS, as in a cluster: the client does not limit plain HTTP's connections.
import { once } from 'node:events'
import { createServer } from 'node:https'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createConfigReader } from '../../src/api/config-reader.ts'
import { createClient, type KubeClient } from '../../src/kube/client.ts'
import { runLeaderElection } from '../../src/kube/leader-election.ts'
import { issueAuthority, issueServing } from '../../src/tls/issue.ts'
import { until } from '../support/until.ts'

let client: KubeClient
let close: () => void
beforeAll(async () => {
  const authority = await issueAuthority(new Date())
  const server = createServer(await issueServing(authority, ['api'], new Date()), (request, response) => {
    // A large list from a busy API server: no response yet.
    if (request.url?.startsWith('/api/v1/pods')) return
    // No Lease exists yet.
    const statuses: Record<string, number> = { POST: 201, GET: request.url?.includes('/leases/') ? 404 : 200 }
    response.statusCode = statuses[request.method ?? ''] ?? 200
    response.end(JSON.stringify({ metadata: { name: 'web', resourceVersion: '1' }, data: { a: '1' } }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = Object(server.address())
  client = createClient({
    namespace: 'hotreload-system',
    credentials: async () => ({
      server: new URL(`https://127.0.0.1:${port}`),
      headers: {},
      tls: { ca: authority.cert, servername: 'api' },
    }),
  })
  close = () => {
    server.closeAllConnections()
    server.close()
  }
})
afterAll(() => close())

test('a lease is renewed and a review’s ConfigMap read, though many calls wait for responses', async () => {
  const slow = Array.from({ length: 100 }, () =>
    client.call({ method: 'GET', path: '/api/v1/pods', timeoutMilliseconds: 5_000 }).catch(() => undefined),
  )
  const leadership = runLeaderElection(client, { name: 'hotreload', identity: 'a' }, () => {})
  expect(await createConfigReader(client).configMap('shop', 'web')).toMatchObject({ data: { a: '1' } })
  await until('the lease', () => leadership.leads(), 3_000)
  await leadership.release()
  await Promise.all(slow)
})
