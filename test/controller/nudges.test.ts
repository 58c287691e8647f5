// Which Pods are told when, against a table of Pods: agents and kubelet are fakes, the clock is the test's.
import { expect, test } from 'vitest'
import { createNudges } from '../../src/controller/nudge.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { KEY, podsWithAgents } from '../support/pods-with-agents.ts'

const SOURCE = { kind: 'ConfigMap', namespace: 'shop', name: 'web' } as const

function cluster(annotations: Record<string, string>) {
  const clock = fakeClock()
  const { pods, nudged, ...fakes } = podsWithAgents(['a', 'b', 'c'], annotations)
  const is = (name: string, state: string, ready = true, loadedAt = clock.now()) => {
    const volumes = [{ loadedAt: new Date(loadedAt).toISOString() }]
    pods.set(name, { ready, report: { state, volumes } })
  }
  for (const name of pods.keys()) is(name, 'loaded', true, 0)
  const use = { ...SOURCE, optional: false }
  const none = { observed: undefined, marks: { ignored: false, match: false }, paused: false }
  const nudges = createNudges({
    ...fakes,
    clock,
    report: { nudge() {}, log() {} },
    view: {
      workloads: fakes.workloads,
      sources: { state: () => none },
      used: () => ({ rolling: [], living: [use], compat: [] }),
    },
    leads: () => true,
    onChange() {},
  })
  return {
    clock,
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
