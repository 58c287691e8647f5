// Which Pods are told when, against a table of Pods: agents and kubelet are fakes, the clock is the test's.
import type { V1Pod } from '@kubernetes/client-node'
import { expect, test } from 'vitest'
import type { Api } from '../../src/controller/api.ts'
import { createNudges } from '../../src/controller/nudge.ts'
import { factsOf } from '../../src/controller/workload-facts.ts'
import { defaultCompatOptions } from '../../src/controller/compat/options.ts'
import { builtInDefaults } from '../../src/policy/defaults.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { keys, podSpec, workload } from '../support/builders.ts'

const KEY = 'Deployment/shop/web'
const SOURCE = { kind: 'ConfigMap', namespace: 'shop', name: 'web' } as const

/** Three Pods of one Deployment. A Pod's name is its address, so that the agents' fake knows who is asked. */
function cluster(annotations: Record<string, string>) {
  const clock = fakeClock()
  const told: string[] = []
  const states = new Map(['a', 'b', 'c'].map((name) => [name, { state: 'loaded', loadedAt: 0, ready: true }]))
  const stateOf = (name: string) => states.get(name) ?? { state: '', loadedAt: 0, ready: false }
  const podOf = (name: string): V1Pod => ({
    metadata: { name, namespace: 'shop', uid: name, annotations: keys({ status: '{}' }) },
    status: {
      phase: 'Running',
      podIP: name,
      conditions: [{ type: 'Ready', status: stateOf(name).ready ? 'True' : 'False' }],
    },
  })
  const api: Api = {
    namespace: 'hotreload-system',
    async call({ method, path }) {
      const name = path.split('/').at(-1) ?? ''
      if (path.includes('labelSelector'))
        return { status: 200, body: { items: [...states.keys()].map(podOf) } }
      if (method === 'PATCH') told.push(name)
      return { status: 200, body: podOf(name) }
    },
  }
  const template = keys({ inject: 'true', ...annotations })
  const selector = { matchLabels: { app: 'web' } }
  const facts = factsOf(workload({ template, spec: podSpec(), fields: { selector } }), {
    defaults: builtInDefaults,
    compat: defaultCompatOptions,
  })
  if (!facts) throw new Error('the workload asks for nothing')
  const use = { ...SOURCE, optional: false }
  const known = { key: KEY, facts, runningSince: undefined }
  const none = { observed: undefined, marks: { ignored: false, match: false }, paused: false }
  const nudges = createNudges({
    api,
    clock,
    report: { nudge() {}, log() {} },
    askAgent: async (ip) => {
      const { state, loadedAt } = stateOf(ip)
      if (state === 'silent') return undefined
      return { state, volumes: [{ loadedAt: new Date(loadedAt).toISOString() }] }
    },
    view: {
      workloads: { get: (key) => (key === KEY ? known : undefined) },
      sources: { state: () => none },
      used: () => ({ rolling: [], living: [use], compat: [] }),
    },
    leads: () => true,
  })
  return {
    clock,
    told,
    edit: () => nudges.sourceChanged(SOURCE, new Set([KEY]), new Set(['*'])),
    is: (name: string, state: string, ready = true) =>
      states.set(name, { state, ready, loadedAt: state === 'loaded' ? clock.now() : 0 }),
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
  const { clock, told, edit, is } = cluster({ reload: 'restart' })
  edit()
  await clock.advance(100)
  is('a', 'loaded', false)
  await clock.advance(290_000)
  expect(new Set(told)).toEqual(new Set(['a']))
  is('b', 'silent')
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
