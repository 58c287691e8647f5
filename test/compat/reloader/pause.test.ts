import { expect, test } from 'vitest'
import { FIELD_MANAGER } from '../../../src/api/field-manager.ts'
import { pausePeriod, pauseProblems, readResume } from '../../../src/compat/reloader/pause.ts'
import { workload } from '../workload.ts'

const period = 'deployment.reloader.stakater.com/pause-period'
const pausedAt = 'deployment.reloader.stakater.com/paused-at'
const NOW = Date.UTC(2026, 0, 2, 3, 4, 5)

test('pause-period is a Go duration, on Deployments', () => {
  expect(pausePeriod('Deployment', { [period]: '1h30m' })).toBe(5_400_000)
  expect(pausePeriod('Deployment', { [period]: '1.5m' })).toBe(90_000)
  expect(pauseProblems('Deployment', { [period]: '5' })).toEqual([
    `${period}: "5" is not a duration such as 5m, and is left out`,
  ])
  expect(pausePeriod('StatefulSet', { [period]: '5m' })).toBeUndefined()
  expect(pauseProblems('StatefulSet', { [period]: '5' })).toEqual([])
})

test('pause-period may stand on the template; the one on the metadata counts first', () => {
  expect(pausePeriod('Deployment', {}, { [period]: '5m' })).toBe(300_000)
  expect(pausePeriod('Deployment', { [period]: '1m' }, { [period]: '5m' })).toBe(60_000)
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

test('a Deployment that Reloader paused is resumed at the end of the period', () => {
  expect(readResume(deployment(both, true), 300_000)).toEqual({ at: NOW + 300_000, annotation: pausedAt })
  expect(readResume(deployment(both, true), undefined)).toEqual({ at: NOW, annotation: pausedAt })
  expect(readResume(deployment(both, false), 300_000)).toBeUndefined()
  expect(readResume(deployment({ [pausedAt]: 'yesterday' }, true), 300_000)).toBeUndefined()
})

test('where paused-at is ours, somebody else paused the Deployment, and it stays paused', () => {
  expect(readResume(deployment(both, true, FIELD_MANAGER), 300_000)).toBeUndefined()
})
