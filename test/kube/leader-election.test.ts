import { beforeEach, expect, test } from 'vitest'
import type { ApiCall, ApiResponse } from '../../src/api/api.ts'
import type { KubeClient } from '../../src/kube/client.ts'
import { runLeaderElection } from '../../src/kube/leader-election.ts'
import { type FakeClock, fakeClock } from '../support/fake-clock.ts'

interface Stored {
  metadata: { resourceVersion: string; labels?: object; annotations?: object; managedFields?: unknown }
  spec: Record<string, unknown>
}

let clock: FakeClock
let lease: Stored | undefined
let down: boolean
let writes: number
beforeEach(() => {
  clock = fakeClock()
  lease = undefined
  down = false
  writes = 0
})

/** Stores one Lease, with the API server's optimistic locking. */
const client: KubeClient = {
  namespace: 'hotreload-system',
  async call({ method, body }: ApiCall): Promise<ApiResponse> {
    if (down) throw new Error('ECONNREFUSED')
    if (method === 'GET') return lease ? { status: 200, body: lease } : { status: 404, body: {} }
    const sent = body as Stored
    const stale =
      method === 'POST'
        ? lease !== undefined
        : sent.metadata.resourceVersion !== lease?.metadata.resourceVersion
    if (stale) return { status: 409, body: {} }
    writes += 1
    lease = { metadata: { ...sent.metadata, resourceVersion: String(writes) }, spec: sent.spec }
    return { status: method === 'POST' ? 201 : 200, body: lease }
  },
  stream: () => Promise.reject(new Error('not used')),
}

function candidate(identity: string) {
  const changes: boolean[] = []
  const leadership = runLeaderElection(client, { name: 'hotreload', identity, clock }, (leads) =>
    changes.push(leads),
  )
  return { changes, ...leadership }
}

test('the first candidate takes the lease and keeps it; the second waits', async () => {
  const a = candidate('a')
  await clock.advance(100)
  const b = candidate('b')
  await clock.advance(60_000)
  expect([a.leads(), b.leads()]).toEqual([true, false])
  expect([a.changes, b.changes]).toEqual([[true], []])
  expect(lease?.spec).toMatchObject({ holderIdentity: 'a', leaseDurationSeconds: 15, leaseTransitions: 0 })
})

test('what others wrote in the metadata of the lease stays, so that kubectl and Argo CD know it again', async () => {
  const written = {
    labels: { 'app.kubernetes.io/managed-by': 'Helm' },
    annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}' },
  }
  lease = { metadata: { resourceVersion: 'x', ...written, managedFields: [{}] }, spec: {} }
  const a = candidate('a')
  await clock.advance(10_000)
  await a.release()
  expect(lease.metadata).toEqual({
    name: 'hotreload',
    namespace: 'hotreload-system',
    resourceVersion: String(writes),
    ...written,
  })
  expect(writes).toBeGreaterThan(2)
})

test('another program’s write to the lease, of labels for example, ends no leadership', async () => {
  const a = candidate('a')
  await clock.advance(100)
  if (lease) lease = { ...lease, metadata: { resourceVersion: 'foreign', labels: { team: 'a' } } }
  await clock.advance(30_000)
  expect([a.leads(), a.changes]).toEqual([true, [true]])
  expect(lease?.metadata.labels).toEqual({ team: 'a' })
})

test('a released lease is taken at the next attempt', async () => {
  const a = candidate('a')
  await clock.advance(100)
  const b = candidate('b')
  await clock.advance(5_000)
  await a.release()
  expect(a.leads()).toBe(false)
  await clock.advance(3_000)
  expect(b.leads()).toBe(true)
  expect(lease?.spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 })
})

test('a dead leader’s lease is taken after its duration and not sooner, whatever its clock says', async () => {
  const renewTime = new Date(clock.now() - 3_600_000).toISOString()
  lease = {
    metadata: { resourceVersion: 'x' },
    spec: { holderIdentity: 'dead', leaseDurationSeconds: 15, renewTime },
  }
  const b = candidate('b')
  await clock.advance(14_000)
  expect(b.leads()).toBe(false)
  await clock.advance(5_000)
  expect(b.leads()).toBe(true)
})

test('a leader that can’t renew within the deadline stops before another may start', async () => {
  const a = candidate('a')
  await clock.advance(1_000)
  down = true
  await clock.advance(8_000)
  expect(a.leads()).toBe(true)
  await clock.advance(3_000)
  expect(a.leads()).toBe(false)
  expect(a.changes).toEqual([true, false])
  down = false
  await clock.advance(3_000)
  expect(a.leads()).toBe(true)
})

test('a process that was suspended past the deadline does not lead', async () => {
  let now = 0
  const frozen = { ...fakeClock(), now: () => now, after: () => () => {} }
  const a = runLeaderElection(client, { name: 'hotreload', identity: 'a', clock: frozen }, () => {})
  await new Promise(setImmediate)
  expect(a.leads()).toBe(true)
  now = 11_000
  expect(a.leads()).toBe(false)
})

test.each([
  ['at once, though its own clock has time left', 2_000],
  ['and does not start again', 12_000],
])('a leader whose lease was taken stops, %s', async (_, milliseconds) => {
  const a = candidate('a')
  await clock.advance(1_000)
  lease = {
    metadata: { resourceVersion: 'theirs' },
    spec: { holderIdentity: 'b', leaseDurationSeconds: 15 },
  }
  await clock.advance(milliseconds)
  expect(a.leads()).toBe(false)
})

test('a leader that renews late starts anew, though it still holds the lease, so that skipped writes are made up', async () => {
  let answer: (() => void) | undefined
  let slow = false
  const waiting: KubeClient = {
    ...client,
    async call(call) {
      const response = await client.call(call)
      if (slow) await new Promise<void>((resolve) => (answer = resolve))
      return response
    },
  }
  const changes: boolean[] = []
  const options = { name: 'hotreload', identity: 'a', clock }
  const a = runLeaderElection(waiting, options, (leads) => changes.push(leads))
  await clock.advance(1_000)
  down = true
  await clock.advance(6_000)
  down = false
  slow = true
  await clock.advance(4_000)
  expect(a.leads()).toBe(false)
  slow = false
  answer?.()
  await clock.advance(100)
  expect(a.leads()).toBe(true)
  expect(changes).toEqual([true, false, true])
})
