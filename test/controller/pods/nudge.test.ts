// Which Pods are told when, against a table of Pods: agents and kubelet are fakes, the clock is the test's.
import { expect, test } from 'vitest'
import type { ApiCall, ApiResponse } from '../../../src/api/api.ts'
import { createNudges } from '../../../src/controller/pods/nudge.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { KEY, podsWithAgents } from '../../support/pods-with-agents.ts'

const SOURCE = { kind: 'ConfigMap', namespace: 'shop', name: 'web' } as const

function cluster(annotations: Record<string, string>, names: readonly string[] = ['a', 'b', 'c']) {
  const clock = fakeClock()
  const { pods, nudged, ...fakes } = podsWithAgents(names, annotations)
  /** Answers instead of the API server, where it says anything. */
  let instead = (_call: ApiCall): ApiResponse | undefined => undefined
  let leads = true
  let [asking, askedAtOnce] = [0, 0]
  const is = (name: string, state: string, ready = true, loadedAt = clock.now()) => {
    const volumes = [{ loadedAt: new Date(loadedAt).toISOString() }]
    pods.set(name, { ready, report: { state, volumes } })
  }
  for (const name of pods.keys()) is(name, 'loaded', true, 0)
  const use = { ...SOURCE, optional: false }
  const none = { observed: undefined, marks: { ignored: false, match: false }, isPaused: false }
  const nudges = createNudges({
    ...fakes,
    api: {
      ...fakes.api,
      async call(call) {
        return instead(call) ?? fakes.api.call(call)
      },
    },
    async askAgent(ip) {
      asking += 1
      askedAtOnce = Math.max(askedAtOnce, asking)
      await Promise.resolve()
      asking -= 1
      return fakes.askAgent(ip)
    },
    clock,
    report: { nudge() {}, log() {} },
    view: {
      workloads: fakes.workloads,
      sources: { state: () => none },
      usedSources: () => ({ rollout: [], inPlace: [use], compat: [] }),
    },
    leads: () => leads,
    onChange() {},
  })
  return {
    clock,
    answerInstead: (answer: typeof instead) => (instead = answer),
    loseLead: () => (leads = false),
    askedAtOnce: () => askedAtOnce,
    told: nudged,
    is,
    silent: (name: string) => pods.set(name, { ready: true, report: undefined }),
    edit: () => nudges.sourceChanged(SOURCE, new Set([KEY]), new Set(['*'])),
  }
}

test('all Pods at once where programs reload; again after two seconds who has not seen it', async () => {
  const { clock, told, edit, is } = cluster({ signal: 'SIGHUP' })
  edit()
  await clock.advance(100)
  expect(told).toEqual(['a', 'b', 'c'])
  is('a', 'loaded')
  is('b', 'refused')
  await clock.advance(2_000)
  expect(told).toEqual(['a', 'b', 'c', 'c'])
  await clock.advance(600_000)
  expect(told).toHaveLength(4)
})

test('where processes restart: the next when the last one is loaded, and its Pod Ready again', async () => {
  const { clock, told, edit, is } = cluster({ reload: 'restart' })
  edit()
  await clock.advance(100)
  is('a', 'staggered')
  await clock.advance(50_000)
  // Told again after two seconds, since it had not said that it has it.
  expect(new Set(told)).toEqual(new Set(['a']))
  is('a', 'loaded', false)
  await clock.advance(20_000)
  expect(new Set(told)).toEqual(new Set(['a']))
  is('a', 'loaded', true)
  await clock.advance(4_000)
  expect(new Set(told)).toEqual(new Set(['a', 'b']))
})

test('a Pod that never becomes Ready holds the others back for five minutes; one whose agent is silent, for one', async () => {
  const { clock, told, edit, is, silent } = cluster({ reload: 'restart' })
  edit()
  await clock.advance(100)
  is('a', 'loaded', false)
  await clock.advance(290_000)
  expect(new Set(told)).toEqual(new Set(['a']))
  silent('b')
  await clock.advance(15_000)
  expect(new Set(told)).toEqual(new Set(['a', 'b']))
  await clock.advance(70_000)
  expect(new Set(told)).toEqual(new Set(['a', 'b', 'c']))
})

test('a Pod that the kubelet was quicker with is not waited for', async () => {
  const { clock, told, edit, is } = cluster({ reload: 'restart' })
  edit()
  await clock.advance(100)
  is('a', 'staggered')
  await clock.advance(60_000)
  is('b', 'loaded')
  is('a', 'loaded')
  await clock.advance(12_000)
  expect(told.at(-1)).toBe('c')
})

test('a call without an answer does not make processes restart together that restart one by one', async () => {
  const { clock, told, edit, answerInstead } = cluster({ reload: 'restart' })
  let failures = 1
  answerInstead(({ method }) => {
    if (method === 'PATCH' && failures-- > 0) throw new Error('ECONNRESET')
    return undefined
  })
  edit()
  await clock.advance(30_000)
  expect(new Set(told)).toEqual(new Set(['a']))
})

test('a Pod that is gone is not waited for', async () => {
  const { clock, told, edit, answerInstead } = cluster({ reload: 'restart' })
  answerInstead(({ path }) => (path.endsWith('/a') ? { status: 404, body: {} } : undefined))
  edit()
  await clock.advance(5_000)
  expect(new Set(told)).toEqual(new Set(['b']))
})

const many = Array.from({ length: 2_000 }, (_, index) => `p${index}`)

test('of thousands of Pods each is told, and only some are asked at once', async () => {
  const { clock, told, edit, askedAtOnce } = cluster({ signal: 'SIGHUP' }, many)
  edit()
  await clock.advance(60_000)
  expect(new Set(told).size).toBe(2_000)
  expect(askedAtOnce()).toBeLessThanOrEqual(50)
})

test('nobody is told any more when the lead is lost in the middle', async () => {
  const { clock, told, edit, loseLead } = cluster({ signal: 'SIGHUP' }, many)
  edit()
  await clock.advance(10_000)
  const before = told.length
  loseLead()
  await clock.advance(60_000)
  expect(told).toHaveLength(before)
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
    report: { nudge() {}, log() {} },
    view: {
      workloads: { get: (key) => all.find((one) => one.key === key)?.workload },
      sources: {
        state: () => ({ observed: undefined, marks: { ignored: false, match: false }, isPaused: false }),
      },
      usedSources: () => ({ rollout: [], inPlace: [{ ...SOURCE, optional: false }], compat: [] }),
    },
    leads: () => true,
    onChange() {},
  })
  nudges.sourceChanged(SOURCE, new Set(all.map(({ key }) => key)), new Set(['*']))
  await clock.advance(5_000)
  expect(small.nudged).toContain('x')
})
