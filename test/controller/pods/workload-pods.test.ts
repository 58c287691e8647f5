import { createServer } from 'node:http'
import { expect, test } from 'vitest'
import type { ApiCall } from '../../../src/api/api.ts'
import { podsOf } from '../../../src/controller/pods/workload-pods.ts'
import { createClient } from '../../../src/kube/client.ts'
import { keys } from '../../support/builders.ts'
import { podsWithAgents } from '../../support/pods-with-agents.ts'

const state = { running: { startedAt: '2026-01-01T00:00:00Z' } }

test('the Pods of a large workload are listed in pages', async () => {
  const pod = (index: number) => ({
    metadata: {
      name: `p${index}`,
      namespace: 'shop',
      uid: `${index}`,
      annotations: { ...keys({ status: '{}' }), other: 'x'.repeat(8_000) },
    },
    spec: { containers: [{ name: 'app' }], hostPID: true },
    status: {
      phase: 'Running',
      podIP: '10.0.0.1',
      containerStatuses: [{ name: 'app', state, imageID: 'sha256:0' }],
    },
  })
  const server = createServer((request, response) => {
    const query = new URL(request.url ?? '', 'http://localhost').searchParams
    const from = Number(query.get('continue') ?? 0)
    const until = Math.min(2_000, from + (Number(query.get('limit')) || 2_000))
    const items = Array.from({ length: until - from }, (_, index) => pod(from + index))
    response.end(JSON.stringify({ metadata: until < 2_000 ? { continue: String(until) } : {}, items }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = Object(server.address())
  const client = createClient({
    namespace: 'hotreload-system',
    credentials: async () => ({ server: new URL(`http://127.0.0.1:${address.port}`), headers: {}, tls: {} }),
  })
  const { workloads } = podsWithAgents([], {})
  const summary = workloads.get('Deployment/shop/web')?.summary
  try {
    const pods = await podsOf(client, summary ?? expect.fail('no such workload'))
    expect(pods).toHaveLength(2_000)
    expect(pods[1_999]).toEqual({
      metadata: { name: 'p1999', namespace: 'shop', uid: '1999', annotations: keys({ status: '{}' }) },
      spec: { containers: [], hostPID: true },
      status: { phase: 'Running', podIP: '10.0.0.1', containerStatuses: [{ name: 'app', state }] },
    })
  } finally {
    server.closeAllConnections()
    server.close()
  }
})

test('the Pods of a small workload are one list, which Kubernetes before 1.34 answers from memory', async () => {
  const { api, workloads } = podsWithAgents(['a', 'b'], {})
  const calls: ApiCall[] = []
  const recorded = {
    ...api,
    async call(call: ApiCall) {
      calls.push(call)
      return api.call(call)
    },
  }
  const summary = workloads.get('Deployment/shop/web')?.summary
  expect(await podsOf(recorded, summary ?? expect.fail('no such workload'))).toHaveLength(2)
  const queries = calls.map(({ path }) => new URL(path, 'http://localhost').searchParams)
  expect(queries.map((query) => [query.get('resourceVersion'), query.get('limit')])).toEqual([['0', null]])
})
