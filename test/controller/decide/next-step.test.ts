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
  runningSince: undefined,
  hasChartChecksum: false,
  changedAt: NOW - 60_000,
  firstChangedAt: NOW - 60_000,
  revertBackoffUntil: undefined,
  pausePeriodUntil: undefined,
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
    [
      'a rollout in progress',
      { progress: 'running', runningSince: NOW - 1_000 },
      wait('inProgress', OVERDUE - 1_000),
    ],
    ['a rollout that does not end', { progress: 'running', runningSince: NOW - OVERDUE }, { do: 'rollout' }],
    ['a rollout that has given up', { progress: 'stuck' }, { do: 'rollout' }],
    ['reverted checksums', { revertBackoffUntil: NOW + 5_000 }, wait('reverted', 5_000)],
    ['reverted checksums, long ago', { revertBackoffUntil: NOW }, { do: 'rollout' }],
    ['a pause-period', { pausePeriodUntil: NOW + 7_000 }, wait('pausePeriod', 7_000)],
    ['no place among the concurrent rollouts', { isLimiterAvailable: false }, wait('limit')],
    [
      'no place while a rollout is in progress',
      { isLimiterAvailable: false, progress: 'running', runningSince: NOW },
      wait('inProgress', OVERDUE),
    ],
  ]
  test.each(table)('%s', (_name, fields, step) => {
    expect(nextStep(comparison(), context(fields))).toEqual(step)
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
