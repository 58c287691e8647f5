// Which Pods are nudged when: Pods, agents and kubelet are a table, the clock is the test's.

import type { V1PodSpec } from '@kubernetes/client-node'
import { expect, test } from 'vitest'
import type { ApiCall, ApiResponse } from '../../../src/api/api.ts'
import type { WorkloadSummary } from '../../../src/controller/decide/workload-summary.ts'
import { createNudges } from '../../../src/controller/pods/nudge.ts'
import { createWorkloadStates } from '../../../src/controller/workload-state.ts'
import type { SourceRef } from '../../../src/workload/sources-in-use.ts'
import { nginx, podSpec } from '../../support/builders.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { type PodWithAgent, podsWithAgents, volumesReport } from '../../support/pods-with-agents.ts'
import { recordReport } from '../../support/report-recorder.ts'
import { KEY } from '../../support/summaries.ts'

const unpaused = {
  observed: undefined,
  marks: { ignored: false, match: false },
  isPaused: false,
  replacesImmutable: false,
  sharedWith: new Set<string>(),
}
const SOURCE: SourceRef = { kind: 'ConfigMap', namespace: 'shop', name: 'web' }
const OTHER: SourceRef = { ...SOURCE, name: 'other' }

interface Change {
  isSourcePaused?: boolean
  isLabelled?: boolean
  /** Of the workload's summary. */
  summary?: Partial<WorkloadSummary>
  spec?: V1PodSpec
}

function cluster(
  annotations: Record<string, string>,
  names: readonly string[] = ['a', 'b', 'c'],
  { isSourcePaused = false, isLabelled = true, summary = {}, spec }: Change = {},
) {
  const clock = fakeClock()
  const { pods, nudged, ...fakes } = podsWithAgents(names, annotations, spec)
  /** Answers in place of the API server, unless it returns undefined. */
  let instead = (_call: ApiCall): ApiResponse | undefined => undefined
  let isLeading = true
  let [asking, askedAtOnce] = [0, 0]
  const is = (name: string, state: string, ready = true, loadedAt = clock.now()) => {
    pods.set(name, { ready, report: volumesReport(state, { conf: loadedAt, more: loadedAt }) })
  }
  const loads = (name: string, loadedAt: Record<string, number>) =>
    pods.set(name, { ready: true, report: volumesReport('loaded', loadedAt) })
  for (const name of pods.keys()) is(name, 'loaded', true, 0)
  const known = fakes.workloads.get(KEY)
  const workload = known && { ...known, summary: { ...known.summary, ...summary } }
  const nudges = createNudges({
    ...fakes,
    api: {
      ...fakes.api,
      async call(call) {
        return instead(call) ?? fakes.api.call(call)
      },
    },
    async askAgent(ip, port) {
      asking += 1
      askedAtOnce = Math.max(askedAtOnce, asking)
      await Promise.resolve()
      asking -= 1
      return fakes.askAgent(ip, port)
    },
    clock,
    report: recordReport().report,
    cache: {
      workloads: { get: () => workload },
      sources: { state: () => ({ ...unpaused, isPaused: isSourcePaused }) },
      isLabelled: () => isLabelled,
    },
    isLeading: () => isLeading,
  })
  return {
    clock,
    answerInstead: (answer: typeof instead) => (instead = answer),
    loseLeadership: () => (isLeading = false),
    askedAtOnce: () => askedAtOnce,
    nudged,
    is,
    loads,
    has: (name: string, report: unknown) => pods.set(name, { ready: true, report }),
    of: (name: string, parts: Partial<PodWithAgent>) =>
      pods.set(name, { ready: true, report: pods.get(name)?.report, ...parts }),
    silent: (name: string) => pods.set(name, { ready: true, report: undefined }),
    edit: (source = SOURCE) => nudges.sourceChanged(source, new Set([KEY]), new Set(['*'])),
  }
}

test('programs that reload: all Pods at once, and again after two seconds those that are behind', async () => {
  const { clock, nudged, edit, is } = cluster({ signal: 'SIGHUP' })
  edit()
  await clock.advance(100)
  expect(nudged).toEqual(['a', 'b', 'c'])
  is('a', 'loaded')
  is('b', 'refused')
  await clock.advance(2_000)
  expect(nudged).toEqual(['a', 'b', 'c', 'c'])
  await clock.advance(600_000)
  expect(nudged).toHaveLength(4)
})

test('a Pod that has loaded one source of an edit is nudged again for the other', async () => {
  const { clock, nudged, edit, loads } = cluster({ signal: 'SIGHUP' }, ['a', 'b'])
  edit(SOURCE)
  edit(OTHER)
  await clock.advance(100)
  loads('a', { conf: clock.now(), more: clock.now() })
  loads('b', { conf: clock.now(), more: 0 })
  await clock.advance(5_000)
  expect(nudged).toEqual(['a', 'b', 'b'])
})

test('processes that restart: the next Pod when the last one has loaded the change and is Ready again', async () => {
  const { clock, nudged, edit, is } = cluster({ reload: 'restart' })
  edit()
  await clock.advance(100)
  is('a', 'staggered')
  await clock.advance(50_000)
  // Nudged again after two seconds, because it had not loaded the change.
  expect(new Set(nudged)).toEqual(new Set(['a']))
  is('a', 'loaded', false)
  await clock.advance(20_000)
  expect(new Set(nudged)).toEqual(new Set(['a']))
  is('a', 'loaded', true)
  await clock.advance(4_000)
  expect(new Set(nudged)).toEqual(new Set(['a', 'b']))
})

test('a Pod that never becomes Ready holds the others back for five minutes, a silent agent for one', async () => {
  const { clock, nudged, edit, is, silent } = cluster({ reload: 'restart' })
  edit()
  await clock.advance(100)
  is('a', 'loaded', false)
  await clock.advance(290_000)
  expect(new Set(nudged)).toEqual(new Set(['a']))
  silent('b')
  await clock.advance(15_000)
  expect(new Set(nudged)).toEqual(new Set(['a', 'b']))
  await clock.advance(70_000)
  expect(new Set(nudged)).toEqual(new Set(['a', 'b', 'c']))
})

const TRIAL = { signal: 'SIGHUP', gate: 'publish', validate: 'nginx -t', bake: '60s' }

test('with a trial a Pod that is Ready is first, and the others follow when it has ended well', async () => {
  const { clock, nudged, edit, is } = cluster(TRIAL)
  is('a', 'loaded', false, 0)
  edit()
  await clock.advance(100)
  expect(nudged).toEqual(['b'])
  is('b', 'baking')
  await clock.advance(61_000)
  expect(nudged).toEqual(['b'])
  is('b', 'loaded')
  await clock.advance(2_000)
  expect(new Set(nudged)).toEqual(new Set(['b', 'c', 'a']))
})

test('with a trial, in the middle of a rollout, a Pod of the newest template is first, and none that terminates is nudged', async () => {
  const { clock, nudged, edit, is, of } = cluster(TRIAL, ['old', 'ends', 'starts', 'new'])
  of('ends', { template: '2', createdAt: '2026-01-01T00:00:03Z', terminates: true })
  of('starts', { template: '2', createdAt: '2026-01-01T00:00:02Z', ready: false })
  of('new', { template: '2', createdAt: '2026-01-01T00:00:01Z' })
  edit()
  await clock.advance(100)
  expect(nudged).toEqual(['new'])
  is('new', 'loaded')
  await clock.advance(5_000)
  expect(new Set(nudged)).toEqual(new Set(['new', 'old', 'starts']))
})

test('with a trial and a first Pod that is gone by then, another one is first', async () => {
  const { clock, nudged, edit, is, answerInstead } = cluster(TRIAL)
  answerInstead(({ path }) => (path.endsWith('/a') ? { status: 404, body: {} } : undefined))
  edit()
  await clock.advance(100)
  expect(nudged).toEqual(['b'])
  is('b', 'baking')
  await clock.advance(30_000)
  expect(nudged).toEqual(['b'])
})

test('with a trial and a canary so many Pods are first, and processes that restart still do so one after the other', async () => {
  const { clock, nudged, edit, is } = cluster({ ...TRIAL, canary: '2', reload: 'restart' }, [
    'a',
    'b',
    'c',
    'd',
  ])
  edit()
  await clock.advance(100)
  expect(nudged).toEqual(['a'])
  is('a', 'baking')
  await clock.advance(5_000)
  expect(nudged).toEqual(['a', 'b'])
  is('b', 'baking')
  await clock.advance(60_000)
  is('a', 'loaded')
  is('b', 'loaded')
  await clock.advance(2_000)
  expect(nudged.slice(2)).toEqual(['c'])
})

test.each(['reverted', 'unhealthy', 'held'])(
  'after a trial that ends %s no other Pod is nudged',
  async (state) => {
    const { clock, nudged, edit, is } = cluster(TRIAL)
    edit()
    await clock.advance(100)
    is('a', 'baking')
    await clock.advance(30_000)
    is('a', state)
    await clock.advance(3_600_000)
    expect(nudged).toEqual(['a'])
  },
)

test.each<[string, string | undefined]>([
  ['an agent that does not answer for a while', undefined],
  ['a revert that is in progress', 'reloading'],
])('%s is no end of a trial', async (_, state) => {
  const { clock, nudged, edit, is, silent } = cluster(TRIAL)
  edit()
  await clock.advance(100)
  is('a', 'baking')
  await clock.advance(10_000)
  if (state) is('a', state)
  else silent('a')
  await clock.advance(5_000)
  is('a', 'reverted')
  await clock.advance(3_600_000)
  expect(nudged).toEqual(['a'])
})

test.each(['held', 'reverted'])(
  'an edit that mends what is %s reaches all Pods, however late the first one notices it',
  async (state) => {
    const { clock, nudged, edit, is, has } = cluster(TRIAL)
    has('a', { ...volumesReport(state, { conf: 1 }), error: { at: new Date(clock.wall()).toISOString() } })
    await clock.advance(60_000)
    edit()
    await clock.advance(1_500)
    expect(nudged).toEqual(['a'])
    is('a', 'loaded', true, clock.wall())
    await clock.advance(5_000)
    expect(new Set(nudged)).toEqual(new Set(['a', 'b', 'c']))
  },
)

test('a trial without an end, or an agent that can not be asked, does not hold the others back for ever', async () => {
  const endless = cluster(TRIAL)
  endless.edit()
  await endless.clock.advance(100)
  endless.is('a', 'baking')
  await endless.clock.advance(118_000)
  expect(endless.nudged).toEqual(['a'])
  await endless.clock.advance(10_000)
  expect(new Set(endless.nudged)).toEqual(new Set(['a', 'b', 'c']))
  const silent = cluster(TRIAL)
  silent.silent('a')
  silent.edit()
  await silent.clock.advance(50_000)
  expect(new Set(silent.nudged)).toEqual(new Set(['a']))
  await silent.clock.advance(20_000)
  expect(new Set(silent.nudged)).toEqual(new Set(['a', 'b', 'c']))
})

test('a newer edit ends the wait for a trial and begins with the first Pod again', async () => {
  const { clock, nudged, edit, is } = cluster(TRIAL)
  edit()
  await clock.advance(100)
  is('a', 'baking')
  await clock.advance(10_000)
  edit()
  await clock.advance(2_000)
  expect(nudged).toEqual(['a', 'a'])
  is('a', 'loaded')
  await clock.advance(5_000)
  expect(new Set(nudged)).toEqual(new Set(['a', 'b', 'c']))
})

test('no Pod waits for one that the kubelet updated before its nudge', async () => {
  const { clock, nudged, edit, is } = cluster({ reload: 'restart' })
  edit()
  await clock.advance(100)
  is('a', 'staggered')
  await clock.advance(60_000)
  is('b', 'loaded')
  is('a', 'loaded')
  await clock.advance(12_000)
  expect(nudged.at(-1)).toBe('c')
})

test('a call without an answer does not make processes restart together', async () => {
  const { clock, nudged, edit, answerInstead } = cluster({ reload: 'restart' })
  let failures = 1
  answerInstead(({ method }) => {
    if (method === 'PATCH' && failures-- > 0) throw new Error('ECONNRESET')
    return undefined
  })
  edit()
  await clock.advance(30_000)
  expect(new Set(nudged)).toEqual(new Set(['a']))
})

test('an API server with too much to do is not asked for the time that it names, and then each Pod is nudged once', async () => {
  const { clock, nudged, edit, is, answerInstead } = cluster({ signal: 'SIGHUP' })
  const refusedAt: number[] = []
  let isBusy = true
  answerInstead(({ method }) => {
    if (method !== 'PATCH' || !isBusy) return undefined
    refusedAt.push(clock.now())
    return { status: 429, body: {}, retryAfterSeconds: 4 }
  })
  edit()
  await clock.advance(4_000)
  expect(refusedAt).toHaveLength(3)
  await clock.advance(4_000)
  expect(refusedAt.length).toBeLessThanOrEqual(6)
  isBusy = false
  for (const name of ['a', 'b', 'c']) is(name, 'loaded')
  await clock.advance(8_000)
  expect(nudged.toSorted()).toEqual(['a', 'b', 'c'])
})

test('a Pod that the API server never takes a nudge for is left to its kubelet after a minute', async () => {
  const { clock, edit, answerInstead } = cluster({ signal: 'SIGHUP' }, ['a'])
  let refused = 0
  answerInstead(({ method }) => {
    if (method !== 'PATCH') return undefined
    refused += 1
    return { status: 429, body: {} }
  })
  edit()
  await clock.advance(180_000)
  const before = refused
  // One a second, for the nudge and for the one after it.
  expect(before).toBeLessThanOrEqual(125)
  await clock.advance(60_000)
  expect(refused).toBe(before)
})

test('no Pod waits for one that is gone', async () => {
  const { clock, nudged, edit, answerInstead } = cluster({ reload: 'restart' })
  answerInstead(({ path }) => (path.endsWith('/a') ? { status: 404, body: {} } : undefined))
  edit()
  await clock.advance(5_000)
  expect(new Set(nudged)).toEqual(new Set(['b']))
})

test.each<[string, Change]>([
  ['the workload is paused', { summary: { isPaused: true } }],
  ['the source is paused', { isSourcePaused: true }],
  ['the namespace has no label', { isLabelled: false }],
  ['the workload has no agent', { summary: { native: undefined } }],
])('no Pod is nudged where %s', async (_name, change) => {
  const { clock, nudged, edit } = cluster({ signal: 'SIGHUP' }, ['a'], change)
  expect(edit()).toEqual(new Map())
  await clock.advance(60_000)
  expect(nudged).toEqual([])
})

test('two sources of one edit are one nudge, and Pods restart one after the other if either restarts them', async () => {
  const spec = podSpec({
    containers: [nginx({ envFrom: [{ configMapRef: { name: 'other' } }] })],
  })
  for (const sources of [
    [SOURCE, OTHER],
    [OTHER, SOURCE],
  ]) {
    const { clock, nudged, edit } = cluster({ signal: 'SIGHUP', env: 'restart' }, ['a', 'b'], { spec })
    for (const source of sources) expect([...edit(source).keys()]).toEqual([KEY])
    await clock.advance(1_000)
    expect(nudged).toEqual(['a'])
  }
})

const many = Array.from({ length: 2_000 }, (_, index) => `p${index}`)

test('each of thousands of Pods is nudged, and only some are asked at once', async () => {
  const { clock, nudged, edit, askedAtOnce } = cluster({ signal: 'SIGHUP' }, many)
  edit()
  await clock.advance(60_000)
  expect(new Set(nudged).size).toBe(2_000)
  expect(askedAtOnce()).toBeLessThanOrEqual(50)
})

test('no Pod is nudged after leadership is lost', async () => {
  const { clock, nudged, edit, loseLeadership } = cluster({ signal: 'SIGHUP' }, many)
  edit()
  await clock.advance(10_000)
  const before = nudged.length
  loseLeadership()
  await clock.advance(60_000)
  expect(nudged).toHaveLength(before)
})

test('no workload waits for the thousands of Pods, or the slow restarts, of others', async () => {
  const clock = fakeClock()
  const of = (name: string, annotations: Record<string, string>, pods: readonly string[]) => {
    const { workloads, ...fakes } = podsWithAgents(pods, annotations)
    const key = `Deployment/shop/${name}`
    const known = workloads.get(KEY)
    const workload = known && { ...known, key, summary: { ...known.summary, selector: `app=${name}` } }
    return { ...fakes, key, name, workload }
  }
  const slow = Array.from({ length: 40 }, (_, index) => of(`slow${index}`, { reload: 'restart' }, ['s', 't']))
  const big = of('big', { signal: 'SIGHUP' }, many)
  const small = of('small', { signal: 'SIGHUP' }, ['x'])
  const all = [...slow, big, small]
  const states = createWorkloadStates(clock)
  const nudges = createNudges({
    clock,
    api: {
      namespace: 'hotreload-system',
      async call(call) {
        const owner = call.path.includes('labelSelector')
          ? all.find(({ name }) => call.path.includes(`%3D${name}&`))
          : all.find(({ pods }) => pods.has(call.path.split('/').at(-1) ?? ''))
        return owner?.api.call(call) ?? { status: 404, body: {} }
      },
    },
    askAgent: async () => undefined,
    report: recordReport().report,
    cache: {
      workloads: { get: (key) => all.find((one) => one.key === key)?.workload },
      sources: { state: () => unpaused },
      isLabelled: () => true,
    },
    isLeading: () => true,
    stateOf: (key) => states.of(key),
  })
  nudges.sourceChanged(SOURCE, new Set(all.map(({ key }) => key)), new Set(['*']))
  await clock.advance(5_000)
  expect(small.nudged).toContain('x')
})

/** Two hundred workloads of one Pod each, which use one ConfigMap. @param called receives each call, which takes a second */
function manyUsers(isLeading: () => boolean, called: (call: ApiCall) => void) {
  const clock = fakeClock()
  const { workloads, stateOf: _, ...fakes } = podsWithAgents(['a'], { signal: 'SIGHUP' })
  const states = createWorkloadStates(clock)
  const users = Array.from({ length: 200 }, (__, index) => `Deployment/shop/web-${index}`)
  let [atOnce, most] = [0, 0]
  const nudges = createNudges({
    ...fakes,
    clock,
    api: {
      ...fakes.api,
      async call(call) {
        called(call)
        atOnce += 1
        most = Math.max(most, atOnce)
        await new Promise<void>((resolve) => void clock.after(1_000, resolve))
        atOnce -= 1
        return fakes.api.call(call)
      },
    },
    report: recordReport().report,
    cache: {
      workloads: { get: () => workloads.get(KEY) },
      sources: { state: () => unpaused },
      isLabelled: () => true,
    },
    isLeading,
    stateOf: (key) => states.of(key),
  })
  nudges.sourceChanged(SOURCE, new Set(users), new Set(['*']))
  return { clock, most: () => most }
}

test('hundreds of workloads that use one ConfigMap leave connections to other calls', async () => {
  let calls = 0
  const { clock, most } = manyUsers(
    () => true,
    () => (calls += 1),
  )
  await clock.advance(120_000)
  expect(calls).toBeGreaterThanOrEqual(400)
  expect(most()).toBe(12)
})

test('a nudge that waited for its connection until this replica led no longer is not sent', async () => {
  let nudged = 0
  const { clock } = manyUsers(
    () => nudged === 0,
    ({ method }) => (nudged += Number(method === 'PATCH')),
  )
  await clock.advance(120_000)
  expect(nudged).toBe(1)
})
