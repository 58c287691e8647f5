import { expect, test } from 'vitest'
import type { Api } from '../../src/api/api.ts'
import { createLeadership } from '../../src/controller/leadership.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { recordedApi } from '../support/recorded-api.ts'
import { recordReport } from '../support/report-recorder.ts'

function replica({ isSynced = true, isElected = true } = {}) {
  const clock = fakeClock()
  const events: string[] = []
  let status = 200
  const recorded = recordedApi(({ method }) => ({
    status: method === 'GET' ? status : 201,
    body: { metadata: {}, items: [] },
  }))
  const { calls } = recorded
  /** Which the next calls wait for, each for its own. */
  const delays: Promise<void>[] = []
  const api: Api = {
    ...recorded.api,
    async call(call) {
      await delays.shift()
      return recorded.api.call(call)
    },
  }
  const { report, lines } = recordReport()
  let elected = isElected
  let onChange = (_isElected: boolean): void => {}
  const leadership = createLeadership({
    api,
    clock,
    report,
    elect(listener) {
      onChange = listener
      return { leads: () => elected, release: async () => void events.push('released') }
    },
    isCacheSynced: () => isSynced,
    onStartedLeading: () => events.push('started'),
    onStoppedLeading: () => events.push('stopped'),
  })
  return {
    leadership,
    clock,
    calls,
    lines,
    events,
    answer: (next: number) => (status = next),
    /** The next call is answered when the returned function is called, those after it never. */
    answerLate: () => {
      let answer = (): void => undefined
      delays.push(new Promise((resolve) => (answer = resolve)), new Promise(() => {}))
      return () => answer()
    },
    sync: () => {
      isSynced = true
      leadership.cacheSynced()
    },
    elect: (now: boolean) => {
      elected = now
      onChange(now)
    },
  }
}

test('it starts once the replica is elected and the cache is synced, whichever comes first', async () => {
  const electedLast = replica({ isElected: false })
  electedLast.leadership.start()
  electedLast.sync()
  await electedLast.clock.advance(1_000)
  expect([electedLast.events, electedLast.leadership.isLeading()]).toEqual([[], false])
  electedLast.elect(true)
  await electedLast.clock.advance(1_000)
  expect([electedLast.events, electedLast.leadership.isLeading()]).toEqual([['started'], true])

  const syncedLast = replica({ isSynced: false })
  syncedLast.leadership.start()
  syncedLast.elect(true)
  await syncedLast.clock.advance(1_000)
  expect(syncedLast.events).toEqual([])
  syncedLast.sync()
  await syncedLast.clock.advance(1_000)
  expect(syncedLast.events).toEqual(['started'])
})

test('baselines that can’t be read are tried again: without them nothing is compared', async () => {
  const { leadership, clock, events, lines, answer, elect } = replica()
  answer(500)
  leadership.start()
  elect(true)
  await clock.advance(4_000)
  expect([events, leadership.baselines()]).toEqual([[], undefined])
  expect(lines[0]).toContain('baselines not read')
  answer(200)
  await clock.advance(2_000)
  expect(events).toEqual(['started'])
  expect(leadership.baselines()).toBeDefined()
})

test('it ends when another replica is elected, and may start again', async () => {
  const { leadership, clock, events, elect } = replica()
  leadership.start()
  elect(true)
  await clock.advance(1_000)
  elect(false)
  expect([leadership.isLeading(), leadership.baselines()]).toEqual([false, undefined])
  elect(true)
  await clock.advance(1_000)
  expect(events).toEqual(['started', 'stopped', 'started'])
})

test('baselines that were read before another replica led for a while are not used', async () => {
  const { leadership, clock, events, elect, answerLate } = replica()
  leadership.start()
  const answer = answerLate()
  elect(true)
  await clock.advance(1_000)
  elect(false)
  elect(true)
  answer()
  await clock.advance(1_000)
  expect(events).toEqual(['stopped'])
  expect(leadership.isLeading()).toBe(false)
})

test('stopping writes the baselines before it gives the lease back, and starts nothing more', async () => {
  const { leadership, clock, calls, events, elect } = replica()
  leadership.start()
  elect(true)
  await clock.advance(1_000)
  leadership.baselines()?.update('u-web', new Map([['ConfigMap/web', 'abc']]), [])
  leadership.baselinesChanged()
  const stopped = leadership.stop()
  await clock.advance(1_000)
  await stopped
  expect(calls.some(({ body }) => JSON.stringify(body ?? {}).includes('u-web'))).toBe(true)
  expect(events).toEqual(['started', 'stopped', 'released'])
  elect(true)
  await clock.advance(1_000)
  expect(events).toHaveLength(3)
})
