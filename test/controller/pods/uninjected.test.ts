import type { V1Pod } from '@kubernetes/client-node'
import { describe, expect, test } from 'vitest'
import { createUninjectedPods, uninjected } from '../../../src/controller/pods/uninjected.ts'
import { createWorkloadStates } from '../../../src/controller/workload-state.ts'
import { keys, type WorkloadParts } from '../../support/builders.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { recordedApi } from '../../support/recorded-api.ts'
import { recordReport } from '../../support/report-recorder.ts'
import { KEY, workloadOf } from '../../support/summaries.ts'

const bare = (name: string, change: Partial<V1Pod> = {}): V1Pod => ({
  metadata: { name, namespace: 'shop', uid: name },
  status: { phase: 'Running' },
  ...change,
})

describe('Pods without the agent', () => {
  test.each<[string, V1Pod, boolean]>([
    ['a running one', bare('a'), true],
    ['a pending one', bare('a', { status: { phase: 'Pending' } }), true],
    ['one with the agent', bare('a', { metadata: { annotations: keys({ status: '{}' }) } }), false],
    ['one that terminates', bare('a', { metadata: { deletionTimestamp: new Date(0) } }), false],
    ['one that has ended', bare('a', { status: { phase: 'Succeeded' } }), false],
    ['one with the host’s processes', bare('a', { spec: { containers: [], hostPID: true } }), false],
    [
      'one on Windows',
      bare('a', { spec: { containers: [], nodeSelector: { 'kubernetes.io/os': 'windows' } } }),
      false,
    ],
  ])('%s', (_name, pod, counts) => expect(uninjected([pod])).toHaveLength(counts ? 1 : 0))
})

const SELECTOR = { fields: { replicas: 0, selector: { matchLabels: { app: 'web' } } } }

function cluster(
  parts: WorkloadParts = {},
  { evictUninjected = true, isLeading = true, isLabelled = true } = {},
) {
  const clock = fakeClock()
  let workload: ReturnType<typeof workloadOf> | undefined = workloadOf({
    ...SELECTOR,
    template: keys({ inject: 'true', signal: 'SIGHUP' }),
    ...parts,
  })
  const pods = new Map<string, V1Pod>()
  let evictions = 201
  let listing = (): unknown => undefined
  const { api, calls } = recordedApi(({ path }) => {
    if (!path.endsWith('/eviction')) {
      listing()
      return { status: 200, body: { items: [...pods.values()] } }
    }
    if (evictions === 201) pods.delete(path.split('/').at(-2) ?? '')
    return { status: evictions, body: {} }
  })
  const { report, events, uninjected: gauge } = recordReport()
  const states = createWorkloadStates(clock)
  const checks = createUninjectedPods({
    api,
    clock,
    report,
    evictUninjected,
    cache: {
      workloads: { get: () => workload },
      isLabelled: () => isLabelled,
    },
    isLeading: () => isLeading,
    stateOf: (key) => states.of(key),
  })
  checks.checkSoon(KEY)
  return {
    clock,
    calls,
    events,
    add: (name: string, createdAt: number) =>
      pods.set(
        name,
        bare(name, { metadata: { name, namespace: 'shop', creationTimestamp: new Date(createdAt) } }),
      ),
    list: () => workload && checks.listed(workload, [...pods.values()]),
    whileListing: (run: typeof listing) => (listing = run),
    loseLeadership: () => (isLeading = false),
    removeLabel: () => (isLabelled = false),
    refuseEvictions: () => (evictions = 429),
    removeWorkload: () => (workload = undefined),
    missing: () => gauge.get(KEY),
    evicted: () => calls.flatMap(({ path }) => (path.endsWith('/eviction') ? [path.split('/').at(-2)] : [])),
  }
}

test('an Event and the gauge count them', async () => {
  const { clock, add, events, missing, evicted } = cluster({}, { evictUninjected: false })
  add('a', 0)
  add('b', 0)
  await clock.advance(3_600_000)
  expect(missing()).toBe(2)
  expect(events[0]).toMatchObject({
    reason: 'NotInjected',
    message: expect.stringMatching(/agent: 2;.*; kubectl rollout restart -n shop deployment\/web$/),
  })
  expect(evicted()).toEqual([])
})

test('they are evicted one at a time, the next 20 seconds later', async () => {
  const { clock, add, evicted } = cluster()
  for (const name of ['a', 'b', 'c']) add(name, 0)
  await clock.advance(15_000)
  expect(evicted()).toEqual(['a'])
  await clock.advance(20_000)
  expect(evicted()).toEqual(['a', 'b'])
})

test('an eviction that a PodDisruptionBudget refuses is tried again', async () => {
  const { clock, add, refuseEvictions, evicted } = cluster()
  refuseEvictions()
  add('a', 0)
  await clock.advance(35_000)
  expect(evicted()).toEqual(['a', 'a'])
})

test('evictions end where a new Pod lacks the agent, too', async () => {
  const { clock, add, evicted } = cluster()
  add('a', 0)
  await clock.advance(15_000)
  expect(evicted()).toEqual(['a'])
  add('b', clock.now() + 1_000)
  await clock.advance(3_600_000)
  expect(evicted()).toEqual(['a'])
})

test.each<[string, WorkloadParts]>([
  ['a paused workload', { own: keys({ pause: 'true' }) }],
  [
    'a workload whose template lacks the annotation',
    { own: keys({ inject: 'true', signal: 'SIGHUP' }), template: {} },
  ],
  ['a workload in the middle of a rollout', { metadata: { generation: 2 } }],
])('%s: no eviction', async (_name, parts) => {
  const { clock, add, missing, evicted } = cluster(parts)
  add('a', 0)
  await clock.advance(3_600_000)
  expect([missing(), evicted()]).toEqual([1, []])
})

test.each([
  ['a replica that does not lead', { isLeading: false }],
  ['a namespace without our label', { isLabelled: false }],
])('%s: Pods are not listed', async (_name, options) => {
  const { clock, calls } = cluster({}, options)
  await clock.advance(3_600_000)
  expect(calls).toEqual([])
})

test('what another part has listed counts as well, and an eviction follows no sooner than after the last one', async () => {
  const { clock, add, list, missing, evicted } = cluster()
  list()
  expect(missing()).toBe(0)
  for (const name of ['a', 'b', 'c']) add(name, 0)
  list()
  expect(missing()).toBe(3)
  await clock.advance(15_000)
  expect(evicted()).toEqual(['a'])
  list()
  await clock.advance(14_000)
  expect([missing(), evicted()]).toEqual([2, ['a']])
  await clock.advance(2_000)
  expect(evicted()).toEqual(['a', 'b'])
})

test.each([
  [true, ['a']],
  [false, []],
])('with evictions %s, those of what another part has listed: %j', async (evictUninjected, expected) => {
  const { clock, add, list, evicted } = cluster({}, { evictUninjected })
  await clock.advance(15_000)
  add('a', 0)
  list()
  await clock.advance(19_000)
  expect(evicted()).toEqual([])
  await clock.advance(2_000)
  expect(evicted()).toEqual(expected)
})

test('Pods that lack the agent count no more when their namespace loses our label', () => {
  const { add, list, missing, removeLabel } = cluster()
  add('a', 0)
  list()
  expect(missing()).toBe(1)
  removeLabel()
  list()
  expect(missing()).toBe(0)
})

test.each(['the workload', 'leadership'])(
  'a list that ends after %s has gone sets no gauge',
  async (what) => {
    const { clock, add, missing, whileListing, removeWorkload, loseLeadership } = cluster()
    add('a', 0)
    whileListing(what === 'leadership' ? loseLeadership : removeWorkload)
    await clock.advance(3_600_000)
    expect([missing(), clock.timers()]).toEqual([undefined, 0])
  },
)
