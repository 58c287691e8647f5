import { describe, expect, test } from 'vitest'
import type { Comparison } from '../../../src/controller/decide/compare.ts'
import {
  type NextStep,
  nextStep,
  OVERDUE,
  type RolloutContext,
} from '../../../src/controller/decide/next-step.ts'

const NOW = 1_000_000
const comparison = (fields: Partial<Comparison> = {}): Comparison => ({
  changed: ['ConfigMap/web'],
  deleted: [],
  paused: [],
  unread: [],
  unreadable: [],
  desiredChecksums: new Map(),
  newBaselines: new Map(),
  staleBaselines: [],
  ...fields,
})
const context = (fields: Partial<RolloutContext> = {}): RolloutContext => ({
  now: NOW,
  isPaused: false,
  isSuspended: false,
  progress: 'done',
  running: undefined,
  overtakes: 0,
  hasChartChecksum: false,
  changedAt: NOW - 60_000,
  firstChangedAt: NOW - 60_000,
  revertBackoffUntil: undefined,
  pausePeriod: undefined,
  gate: undefined,
  isLimiterAvailable: true,
  ...fields,
})
const wait = (reason: string, milliseconds?: number) =>
  ({ do: 'wait', for: reason, ...(milliseconds === undefined ? {} : { milliseconds }) }) as NextStep

describe('with a change', () => {
  const table: [string, Partial<RolloutContext>, NextStep][] = [
    ['nothing in the way', {}, { do: 'rollout' }],
    ['just now', { changedAt: NOW, firstChangedAt: NOW }, wait('quiet', 1_000)],
    ['0.4 s ago', { changedAt: NOW - 400, firstChangedAt: NOW - 400 }, wait('quiet', 600)],
    [
      '0.4 s ago under a chart',
      { changedAt: NOW - 400, firstChangedAt: NOW - 400, hasChartChecksum: true },
      wait('quiet', 9_600),
    ],
    ['again and again for 10 s', { changedAt: NOW, firstChangedAt: NOW - 10_000 }, { do: 'rollout' }],
    ['again and again for 9 s', { changedAt: NOW, firstChangedAt: NOW - 9_500 }, wait('quiet', 500)],
    ['pause on the workload', { isPaused: true }, wait('paused')],
    ['a paused Deployment', { isSuspended: true }, wait('workloadPaused')],
    ['a rollout that has given up', { progress: 'stuck' }, { do: 'rollout' }],
    ['reverted checksums', { revertBackoffUntil: NOW + 5_000 }, wait('reverted', 5_000)],
    ['reverted checksums, long ago', { revertBackoffUntil: NOW }, { do: 'rollout' }],
    ['a pause-period', { pausePeriod: 67_000 }, wait('pausePeriod', 7_000)],
    ['a pause-period that is over', { pausePeriod: 60_000 }, { do: 'rollout' }],
    [
      'further changes within a pause-period',
      { pausePeriod: 67_000, changedAt: NOW - 2_000 },
      wait('pausePeriod', 7_000),
    ],
    ['a gate that holds it', { gate: 'held' }, wait('held')],
    ['a gate that has not judged it', { gate: NOW + 7_000 }, wait('held', 7_000)],
    ['a gate that nobody has heard of for long', { gate: NOW }, { do: 'rollout' }],
    ['no place among the concurrent rollouts', { isLimiterAvailable: false }, wait('limit')],
  ]
  test.each(table)('%s', (_name, fields, step) => {
    expect(nextStep(comparison(), context(fields))).toEqual(step)
  })
})

describe('with a change, while a rollout is in progress', () => {
  const running = (since: number, newPods: number, progressedAt = since) => ({
    running: { since: NOW - since, newPods, progressedAt: NOW - progressedAt },
  })
  const table: [string, Partial<RolloutContext>, NextStep][] = [
    ['no new Pod is available', running(5_000, 0), { do: 'rollout' }],
    [
      'no new Pod is available, and no place',
      { ...running(5_000, 0), isLimiterAvailable: false },
      wait('limit'),
    ],
    ['its Pods become available', running(50_000, 2, 5_000), wait('inProgress', 25_000)],
    ['no further Pod becomes available', running(50_000, 2, 30_000), { do: 'rollout' }],
    ['it overtook another', { ...running(10_000, 0), overtakes: 1 }, wait('inProgress', 20_000)],
    ['it overtook another half a minute ago', { ...running(30_000, 0), overtakes: 1 }, { do: 'rollout' }],
    ['it is the fourth', { ...running(30_000, 0), overtakes: 3 }, wait('inProgress', 90_000)],
    ['it is the hundredth', { ...running(30_000, 0), overtakes: 99 }, wait('inProgress', OVERDUE - 30_000)],
    ['it is the hundredth, and overdue', { ...running(OVERDUE, 0), overtakes: 99 }, { do: 'rollout' }],
    ['it goes on and on', running(OVERDUE, 99, 1_000), { do: 'rollout' }],
    [
      'it pauses as its steps say',
      { ...running(60_000, 0), progress: 'paused' },
      wait('inProgress', OVERDUE - 60_000),
    ],
  ]
  test.each(table)('%s', (_name, fields, step) => {
    expect(nextStep(comparison(), context({ progress: 'running', ...fields }))).toEqual(step)
  })
})

test('without a change there is nothing to do, whatever the context', () => {
  expect(nextStep(comparison({ changed: [] }), context({ progress: 'running' }))).toEqual({
    do: 'nothing',
  })
})

test('a change waits while its source is paused', () => {
  expect(nextStep(comparison({ changed: [], paused: ['ConfigMap/web'] }), context())).toEqual(
    wait('sourcePaused'),
  )
})

test('a change waits while another source is unread: one rollout for all', () => {
  expect(nextStep(comparison({ unread: ['Secret/db'] }), context())).toEqual(wait('unread'))
})

test('a deleted source may return, so its change waits longer', () => {
  const gone = comparison({ deleted: ['ConfigMap/web'] })
  const justNow = { changedAt: NOW - 2_000, firstChangedAt: NOW - 2_000 }
  expect(nextStep(gone, context(justNow))).toEqual(wait('quiet', 8_000))
  expect(nextStep(comparison({ changed: ['a', 'b'], deleted: ['a'] }), context(justNow))).toEqual({
    do: 'rollout',
  })
})
