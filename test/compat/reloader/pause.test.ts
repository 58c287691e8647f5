import { expect, test } from 'vitest'
import { FIELD_MANAGER } from '../../../src/api/field-manager.ts'
import { pausePeriod, pauseProblems, readPause } from '../../../src/compat/reloader/pause.ts'
import { workload } from '../workload.ts'

const period = 'deployment.reloader.stakater.com/pause-period'
const pausedAt = 'deployment.reloader.stakater.com/paused-at'
const NOW = Date.UTC(2026, 0, 2, 3, 4, 5)

test('pause-period is a Go duration, on Deployments', () => {
  const of = (value: string, kind = 'Deployment') => ({ ...workload({ [period]: value }), kind })
  expect(pausePeriod(of('1h30m'))).toBe(5_400_000)
  expect(pausePeriod(of('1.5m'))).toBe(90_000)
  expect(pauseProblems(of('5'))).toEqual([`${period}: "5" is not a duration such as 5m, and is left out`])
  expect(pausePeriod(of('5m', 'StatefulSet'))).toBeUndefined()
  expect(pauseProblems(of('5', 'StatefulSet'))).toEqual([])
})

function deployment(annotations: Record<string, string>, paused: boolean, manager = 'reloader') {
  const web = workload(annotations)
  const fieldsV1 = { 'f:metadata': { 'f:annotations': { [`f:${pausedAt}`]: {} } } }
  return {
    ...web,
    metadata: { ...web.metadata, managedFields: [{ manager, fieldsV1 }] },
    spec: { ...web.spec, paused },
  }
}
const both = { [period]: '5m', [pausedAt]: '2026-01-02T03:04:05Z' }

test('the next rollout waits until the period after paused-at is over', () => {
  expect(readPause(deployment(both, false))).toEqual({ notBefore: NOW + 300_000, resume: undefined })
  expect(readPause(deployment({ [period]: '5m' }, false)).notBefore).toBeUndefined()
  expect(readPause(deployment({ [pausedAt]: 'yesterday' }, true))).toEqual({})
})

test('a Deployment that Reloader paused is resumed at the end of the period', () => {
  expect(readPause(deployment(both, true)).resume).toEqual({ at: NOW + 300_000, annotation: pausedAt })
  const { [period]: _, ...withoutPeriod } = both
  expect(readPause(deployment(withoutPeriod, true))).toEqual({
    notBefore: undefined,
    resume: { at: NOW, annotation: pausedAt },
  })
})

test('where paused-at is ours, somebody else paused the Deployment, and it stays paused', () => {
  expect(readPause(deployment(both, true, FIELD_MANAGER)).resume).toBeUndefined()
})
