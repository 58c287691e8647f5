// When Pods are listed: the clock is the test's, and the API server answers without any Pod.
import { expect, test } from 'vitest'
import type { Requeue } from '../../../src/async/queue.ts'
import type { Workload } from '../../../src/controller/cache/workloads.ts'
import { createPodChecks, untilTurn } from '../../../src/controller/pods/pod-checks.ts'
import { createWorkloadStates } from '../../../src/controller/workload-state.ts'
import { keys } from '../../support/builders.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { recordedApi } from '../../support/recorded-api.ts'
import { recordReport } from '../../support/report-recorder.ts'
import { workloadOf } from '../../support/summaries.ts'

const SECOND = 1_000
const ROUND = 600 * SECOND

/** Workloads with agents. @param took milliseconds of a check, by the workload's key */
function cluster(count: number, took: (key: string) => number = () => 0) {
  const clock = fakeClock()
  const states = createWorkloadStates(clock)
  const { summary } = workloadOf({
    template: keys({ inject: 'true', signal: 'SIGHUP' }),
    fields: { selector: { matchLabels: { app: 'web' } } },
  })
  const workloads = new Map<string, Workload>(
    Array.from({ length: count }, (_, index) => {
      const key = `Deployment/shop/web-${index}`
      return [key, { key, summary, running: undefined }]
    }),
  )
  const checked: { key: string; at: number }[] = []
  const began = clock.now()
  let [isLeading, again] = [true, undefined as Requeue]
  let list = (): number => 200
  const { api, calls } = recordedApi(() => ({ status: list(), body: { items: [] } }))
  const checks = createPodChecks({
    api,
    clock,
    report: recordReport().report,
    workloads,
    isLeading: () => isLeading,
    stateOf: (key) => states.of(key),
    async check({ key }) {
      checked.push({ key, at: clock.now() - began })
      await new Promise<void>((resolve) => void clock.after(took(key), resolve))
      return again
    },
  })
  return {
    clock,
    checks,
    checked,
    calls,
    workloads,
    times: (key: string) => checked.filter((one) => one.key === key).map(({ at }) => at),
    asksAgain: (milliseconds: Requeue) => (again = milliseconds),
    setLeading: (leads: boolean) => (isLeading = leads),
    /** @param run returns the status */
    whileListing: (run: typeof list) => (list = run),
  }
}
const ONE = 'Deployment/shop/web-0'

test('a new leader checks all workloads once, fifty a second, and each of them once in every further ten minutes', async () => {
  const { clock, checks, checked, workloads } = cluster(1_000)
  checks.startedLeading(workloads.values())
  await clock.advance(50 * SECOND)
  expect(new Set(checked.map(({ key }) => key)).size).toBe(1_000)
  expect(checked[0]?.at).toBe(30 * SECOND)
  const perSecond = [...Map.groupBy(checked, ({ at }) => Math.floor(at / SECOND)).values()]
  expect(Math.max(...perSecond.map(({ length }) => length))).toBeLessThanOrEqual(60)

  await clock.advance(ROUND - 50 * SECOND)
  checked.length = 0
  await clock.advance(ROUND)
  expect(checked).toHaveLength(1_000)
  expect(new Set(checked.map(({ key }) => key)).size).toBe(1_000)
  // Of any minute: a tenth of them, more or less.
  for (const { length } of Map.groupBy(checked, ({ at }) => Math.floor(at / 60 / SECOND)).values())
    expect(length).toBeLessThan(150)
})

test('a round costs one list for each workload', async () => {
  const { clock, checks, calls, workloads } = cluster(10)
  checks.startedLeading(workloads.values())
  await clock.advance(60 * SECOND)
  const before = calls.length
  await clock.advance(ROUND)
  expect(calls.length - before).toBe(10)
})

test('a time in the round is within it, whatever the clock says', () => {
  for (const now of [0, 1, 599_999, 600_000, 1e9])
    for (const key of ['a', 'b', 'c']) {
      const wait = untilTurn(key, now)
      expect(wait).toBeGreaterThan(0)
      expect(wait).toBeLessThanOrEqual(ROUND)
      expect(untilTurn(key, now + wait)).toBeCloseTo(ROUND)
    }
})

test('after a change the Pods are checked three times, whether or not their turn comes in between', async () => {
  const { clock, checks, times, workloads } = cluster(1)
  checks.startedLeading(workloads.values())
  await clock.advance(29 * SECOND)
  checks.sourceChanged(ONE)
  await clock.advance(160 * SECOND)
  expect(times(ONE)).toEqual([30, 34, 64, 184].map((at) => at * SECOND))
})

test('a workload that is new is checked after half a minute, and in rounds from then on', async () => {
  const { clock, checks, times } = cluster(1)
  checks.checkSoon(ONE)
  await clock.advance(ROUND + 31 * SECOND)
  expect(times(ONE)).toContain(30 * SECOND)
  expect(times(ONE).length).toBeGreaterThan(1)
})

test('a new workload whose turn comes within half a minute is checked after it, too', async () => {
  const { clock, checks, times } = cluster(1)
  const turn = untilTurn(ONE, clock.now())
  await clock.advance(turn - 10 * SECOND)
  checks.checkSoon(ONE)
  await clock.advance(31 * SECOND)
  expect(times(ONE).map((at) => Math.round((at - turn) / SECOND))).toEqual([0, 20])
})

test('a list that fails keeps no other workload from its turn, and is tried again', async () => {
  const { clock, checks, checked, calls, workloads, whileListing } = cluster(10)
  whileListing(() => 500)
  checks.startedLeading(workloads.values())
  await clock.advance(30 * SECOND + 500)
  expect(calls).toHaveLength(10)
  whileListing(() => 200)
  await clock.advance(2 * SECOND)
  expect(new Set(checked.map(({ key }) => key)).size).toBe(10)
})

test.each(['leadership', 'the workload'])('no Pod is checked whose list ends after %s', async (what) => {
  const { clock, checks, checked, calls, workloads, setLeading, whileListing } = cluster(1)
  checks.sourceChanged(ONE)
  whileListing(() => {
    if (what === 'leadership') setLeading(false)
    else workloads.clear()
    return 200
  })
  await clock.advance(60 * SECOND)
  expect([calls.length, checked]).toEqual([1, []])
})

test('what is undecided is checked again at the time that the check asks for', async () => {
  const { clock, checks, times, asksAgain } = cluster(1)
  asksAgain(20 * SECOND)
  checks.sourceChanged(ONE)
  await clock.advance(30 * SECOND)
  expect(times(ONE)).toEqual([5 * SECOND, 25 * SECOND])
})

test('no change waits for a round of workloads whose agents nobody can ask', async () => {
  const edited = 'Deployment/shop/web-500'
  const { clock, checks, times, workloads } = cluster(1_000, (key) => (key === edited ? 0 : 3 * SECOND))
  checks.startedLeading([...workloads.values()].filter(({ key }) => key !== edited))
  await clock.advance(60 * SECOND)
  checks.sourceChanged(edited)
  await clock.advance(6 * SECOND)
  expect(times(edited)).toEqual([65 * SECOND])
})

test('a workload is never checked twice at once', async () => {
  const { clock, checks, times, workloads } = cluster(1, () => 10 * SECOND)
  checks.startedLeading(workloads.values())
  await clock.advance(26 * SECOND)
  checks.sourceChanged(ONE)
  await clock.advance(10 * SECOND)
  expect(times(ONE)).toEqual([30 * SECOND])
  await clock.advance(10 * SECOND)
  expect(times(ONE)).toEqual([30 * SECOND, 40 * SECOND])
})

test('a replica that leads no longer checks nothing, and one that leads again checks all', async () => {
  const { clock, checks, checked, workloads, setLeading } = cluster(3)
  checks.startedLeading(workloads.values())
  await clock.advance(60 * SECOND)
  expect(checked).toHaveLength(3)
  setLeading(false)
  await clock.advance(2 * ROUND)
  expect([checked.length, clock.timers()]).toEqual([3, 0])
  setLeading(true)
  checks.startedLeading(workloads.values())
  await clock.advance(60 * SECOND)
  expect(checked).toHaveLength(6)
})

test('a workload that is gone is not checked any more', async () => {
  const { clock, checks, checked, workloads } = cluster(3)
  checks.startedLeading(workloads.values())
  workloads.clear()
  await clock.advance(2 * ROUND)
  expect([checked, clock.timers()]).toEqual([[], 0])
})
