import { expect, test } from 'vitest'
import type { ApiCall, ApiResponse } from '../../../src/api/api.ts'
import { createSetAsideWorkloads } from '../../../src/controller/set-aside/set-aside.ts'
import { readSetAside } from '../../../src/controller/set-aside/store.ts'
import type { ApiObject } from '../../../src/workload/pod-template.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { recordReport } from '../../support/report-recorder.ts'

const MINUTE = 60_000
const OWN = '/api/v1/namespaces/hotreload-system/configmaps'
const WEB = '/apis/apps/v1/namespaces/shop/deployments/web'
const object = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  namespace: 'shop',
  name: 'web',
  uid: 'u1',
  resourceVersion: '1',
}

/** Set-aside workloads of one process; `data` is their ConfigMap, and survives it. */
function processOf(data: Record<string, string | null>, present: Record<string, ApiObject> = {}) {
  const clock = fakeClock()
  const recorder = recordReport()
  const puts: ApiObject[] = []
  const calls: string[] = []
  let isLeading = false
  let exists = Object.keys(data).length > 0
  const api = {
    namespace: 'hotreload-system',
    async call({ method, path, body }: ApiCall): Promise<ApiResponse> {
      calls.push(`${method} ${path}`)
      if (!path.startsWith(OWN))
        return present[path] ? { status: 200, body: present[path] } : { status: 404, body: {} }
      if (method === 'GET') return exists ? { status: 200, body: { data } } : { status: 404, body: {} }
      if (method === 'PATCH' && !exists) return { status: 404, body: {} }
      exists = true
      Object.assign(data, (body as { data: Record<string, string | null> }).data)
      for (const [key, text] of Object.entries(data)) if (text === null) delete data[key]
      return { status: method === 'POST' ? 201 : 200, body: {} }
    },
  }
  let stopwatch = 0
  const all = createSetAsideWorkloads({
    api,
    clock,
    report: recorder.report,
    isLeading: () => isLeading,
    put: (one) => puts.push(one),
    stopwatch: () => stopwatch,
  })
  return {
    ...recorder,
    ...all,
    clock,
    puts,
    calls,
    start: async () => all.start(await readSetAside(api)),
    lead: () => {
      isLeading = true
      all.startedLeading()
    },
    slow: (milliseconds = 2_000) =>
      all.guard.run(object, () => {
        stopwatch += milliseconds
        return 'result'
      }),
  }
}

test('the leader writes an Event and the ConfigMap, and the next process skips the object', async () => {
  const data = {}
  const first = processOf(data)
  await first.start()
  first.lead()
  expect(first.slow()).toBeUndefined()
  await first.clock.advance(1_000)
  expect(first.events).toMatchObject([
    {
      name: 'web',
      reason: 'ObjectSetAside',
      message: expect.stringMatching(/because it took 2000 ms to process\. .*docs\/runbook\.md/),
    },
  ])
  first.stop()
  const second = processOf(data)
  await second.start()
  expect(second.slow(0)).toBeUndefined()
})

test('another replica keeps it in memory, and writes it when it leads', async () => {
  const data = {}
  const { start, slow, lead, clock, events, guard, lines } = processOf(data)
  await start()
  slow()
  await clock.advance(1_000)
  expect([events, data, guard.setAside().length]).toEqual([[], {}, 1])
  expect(lines).toEqual([expect.stringContaining('"workload":"Deployment/shop/web"')])
  lead()
  await clock.advance(1_000)
  expect(events).toHaveLength(1)
  expect(Object.keys(data)).toEqual(['u1'])
})

test('it is read again after its time, and once it is within the bound it is forgotten', async () => {
  const data = {}
  const present = { [WEB]: { metadata: { namespace: 'shop', name: 'web', uid: 'u1', resourceVersion: '2' } } }
  const { start, slow, lead, clock, puts } = processOf(data, present)
  await start()
  lead()
  slow()
  await clock.advance(MINUTE)
  expect(puts).toMatchObject([
    { kind: 'Deployment', apiVersion: 'apps/v1', metadata: { resourceVersion: '2' } },
  ])
  expect(slow(0)).toBe('result')
  await clock.advance(1_000)
  expect(data).toEqual({})
  await clock.advance(60 * MINUTE)
  expect(puts).toHaveLength(1)
  expect(clock.timers()).toBe(0)
})

test('a deleted object is forgotten, and so is one that was recreated', async () => {
  for (const present of [{}, { [WEB]: { metadata: { uid: 'u2' } } }]) {
    const { start, slow, clock, guard } = processOf({}, present)
    await start()
    slow()
    await clock.advance(MINUTE)
    expect(guard.setAside()).toEqual([])
  }
})

test('a damaged ConfigMap counts for nothing', async () => {
  const stored = { ...object, why: 'it took 300 ms to process', at: 1, times: 1 }
  const { start, guard } = processOf({
    u1: '{',
    u2: 'null',
    u3: '{"uid":"u3"}',
    u4: JSON.stringify({ ...stored, kind: 'Node', apiVersion: 'v1' }),
    u5: JSON.stringify({ ...stored, namespace: '../../nodes' }),
  })
  await start()
  expect(guard.setAside()).toEqual([])
})
