import { expect, test } from 'vitest'
import { defaultCompatOptions } from '../../../src/compat/request/options.ts'
import { createRolloutExecutor } from '../../../src/controller/rollout/executor.ts'
import { createRolloutLimiter } from '../../../src/controller/rollout/limiter.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { recordedApi } from '../../support/recorded-api.ts'
import { recordReport } from '../../support/report-recorder.ts'
import { changedDiff, workloadOf } from '../../support/summaries.ts'

/** @param runs the rollout that the write begins */
function executor({ status = 200, runs = false } = {}) {
  const workload = workloadOf()
  const running = runs ? { since: 0, newPods: 0, progressedAt: 0 } : undefined
  const limiter = createRolloutLimiter({ total: 0, perNamespace: 0 }, () => {})
  const inProgress: number[] = []
  const { api } = recordedApi(() => {
    inProgress.push(limiter.inProgress())
    if (status === 0) throw new Error('ECONNRESET')
    return { status, body: {} }
  })
  const { report, events } = recordReport()
  const rollouts = createRolloutExecutor({
    api,
    clock: fakeClock(),
    compat: defaultCompatOptions,
    report,
    installKey: () => undefined,
    isLeading: () => true,
    workloads: { get: () => ({ ...workload, running }), put() {} },
    limiter,
    refresh: async () => undefined,
  })
  return {
    rollOut: () => rollouts.rollOut(workload, changedDiff(workload.summary)),
    /** During each call. */
    inProgress,
    limiter,
    events: () => events.map(({ reason, message }) => `${reason}: ${message}`),
  }
}

test('a rollout takes its place before the write, and keeps it until it has ended', async () => {
  const running = executor({ runs: true })
  expect(await running.rollOut()).toBe('done')
  expect([running.inProgress, running.limiter.inProgress()]).toEqual([[1], 1])
  const ended = executor()
  expect(await ended.rollOut()).toBe('done')
  expect([ended.inProgress, ended.limiter.inProgress()]).toEqual([[1], 0])
})

test('a conflict is no rollout: no Event, and no place taken', async () => {
  const { rollOut, events, limiter } = executor({ status: 409, runs: true })
  expect(await rollOut()).toBe('conflict')
  expect([events(), limiter.inProgress()]).toEqual([[], 0])
})

test.each([
  [500, 'the API server answered 500'],
  [0, 'no answer'],
])('status %d is reported, and frees the place', async (status, why) => {
  const { rollOut, events, limiter } = executor({ status, runs: true })
  await expect(rollOut()).rejects.toThrow(status === 0 ? 'ECONNRESET' : '500')
  expect(events()).toEqual([`RolloutFailed: ConfigMap web changed, but ${why}`])
  expect(limiter.inProgress()).toBe(0)
})
