import { expect, test } from 'vitest'
import type { Workload } from '../../../src/controller/cache/workloads.ts'
import type { WorkloadSummary } from '../../../src/controller/decide/workload-summary.ts'
import {
  type RolloutEventState,
  reportProgress,
  reportStarted,
} from '../../../src/controller/rollout/rollout-events.ts'
import { recordReport } from '../../support/report-recorder.ts'
import { changedDiff, workloadOf } from '../../support/summaries.ts'

function setUp(change: Partial<WorkloadSummary> = {}) {
  const { report, events } = recordReport()
  const workload = workloadOf()
  const summary = { ...workload.summary, isComplete: false, progress: 'running' as const, ...change }
  const state: RolloutEventState = { rollingOut: undefined }
  const diff = changedDiff(summary)
  return {
    start: (immutableBefore: string[] = [], outcome: 'done' | 'begun' = 'done') =>
      reportStarted(report, summary, { ...diff, immutableBefore: new Set(immutableBefore) }, state, outcome),
    /** The rollout has made no progress since 0. @param changed ids of sources that its template lacks */
    look: (later: Partial<WorkloadSummary>, now = 1_000, changed: string[] = []) => {
      const running: Workload['running'] = { since: 0, newPods: 0, progressedAt: 0 }
      const then = { ...diff, merged: { ...diff.merged, changed } }
      const known = { ...workload, summary: { ...summary, ...later }, running }
      return reportProgress(report, known, then, state, now)
    },
    events: () => events.map(({ reason, message }) => `${reason}: ${message}`),
  }
}

test('the end of a rollout is reported when its Pods are new and available, once', () => {
  const { start, look, events } = setUp()
  start()
  expect(look({})).toBe(119_000)
  expect(events()).toEqual(['RolloutStarted: ConfigMap web changed'])
  look({ progress: 'done' })
  expect(events()).toHaveLength(1)
  look({ progress: 'done', isComplete: true })
  look({ progress: 'done', isComplete: true })
  expect(events().slice(1)).toEqual(['RolledOut: ConfigMap web changed'])
})

test('without a rollout of ours there is nothing to report', () => {
  const { look, events } = setUp()
  expect(look({ isComplete: true })).toBeUndefined()
  expect(look({ progress: 'stuck' })).toBeUndefined()
  expect(events()).toEqual([])
})

test('a rollout that the user has paused is not stalled', () => {
  const { start, look, events } = setUp()
  start()
  expect(look({ isSuspended: true }, 120_000)).toBeUndefined()
  expect(events()).toEqual(['RolloutStarted: ConfigMap web changed'])
  look({ isSuspended: false }, 120_000)
  expect(events()[1]).toContain('RolloutStalled')
})

test('a rollout that brings no further Pod for two minutes, or gives up, is reported', () => {
  const { start, look, events } = setUp()
  start()
  expect(look({}, 120_000)).toBeUndefined()
  look({ progress: 'stuck' })
  const stalled =
    'RolloutStalled: mend what changed, or look at the new Pods (kubectl describe pods -n shop): ConfigMap web changed, and no further new Pod became available'
  // The writer of Events leaves repetitions out.
  expect(events().slice(1)).toEqual([stalled, stalled])
  look({ isComplete: true }, 130_000)
  expect(events().at(-1)).toBe('RolledOut: ConfigMap web changed')
})

test('a canary that pauses is not stalled; a StatefulSet needs its Pods deleted', () => {
  const { start, look, events } = setUp({ kind: 'StatefulSet' })
  start()
  expect(look({ progress: 'paused' }, 500_000)).toBeUndefined()
  expect(events()).toHaveLength(1)
  look({}, 500_000)
  expect(events()[1]).toContain('then delete the Pods that are not ready')
})

test('Pods that the rollout leaves as they are are named', () => {
  const { start, look, events } = setUp({ keptPods: 'updateStrategy is OnDelete: …' })
  start()
  expect(events()).toEqual(['RolloutStarted: ConfigMap web changed; updateStrategy is OnDelete: …'])
  look({ progress: 'done', isComplete: true })
  expect(events()[1]).toBe('RolledOut: ConfigMap web changed; updateStrategy is OnDelete: …')
})

test('a recreated immutable ConfigMap is never reported as rolled out', () => {
  const { start, look, events } = setUp()
  start(['ConfigMap/web'])
  look({ progress: 'done', isComplete: true })
  expect(events()).toEqual([
    'RolloutStarted: ConfigMap web changed',
    'ImmutableReplaced: give ConfigMap web a new name, or scale to 0 and back: it was immutable and was created again, and a node that runs a Pod with the old one gives new Pods the old content',
  ])
})

test('a run of a CronJob begins with the new content', () => {
  const { start, events } = setUp({ kind: 'CronJob', apiVersion: 'batch/v1' })
  start()
  expect(events()).toEqual(['RolledOut: ConfigMap web changed'])
})

test('a rollout that somebody undoes is not reported as done, and the next one is', () => {
  const { start, look, events } = setUp()
  start()
  look({ progress: 'done', isComplete: true }, 1_000, ['ConfigMap/web'])
  expect(events()).toEqual(['RolloutStarted: ConfigMap web changed'])
  look({ progress: 'done', isComplete: true })
  expect(events()[1]).toBe('RolledOut: ConfigMap web changed')
})

test('a Job that is deleted, and not created again yet, is not rolled out', () => {
  const { start, events } = setUp({ kind: 'Job', apiVersion: 'batch/v1' })
  start([], 'begun')
  expect(events()).toEqual([
    'RolloutStarted: ConfigMap web changed; the Job is created again once the old one is gone, which something keeps',
  ])
})
