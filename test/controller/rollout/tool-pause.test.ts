import { expect, test } from 'vitest'
import { endToolPause } from '../../../src/controller/rollout/tool-pause.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { recordedApi } from '../../support/recorded-api.ts'
import { workloadOf } from '../../support/summaries.ts'

const NOW = Date.UTC(2026, 0, 1, 12)
const paused = workloadOf({
  own: {
    'reloader.stakater.com/auto': 'true',
    'deployment.reloader.stakater.com/pause-period': '5m',
    'deployment.reloader.stakater.com/paused-at': '2026-01-01T12:00:00Z',
  },
  fields: { paused: true },
})

async function end(workload: typeof paused, now: number, status = 200) {
  const { api, calls } = recordedApi(() => ({ status, body: {} }))
  let refreshed = 0
  const refresh = async () => {
    refreshed += 1
    return undefined
  }
  const milliseconds = await endToolPause(workload, { api, clock: fakeClock(now), refresh })
  return { milliseconds, calls, refreshed }
}

test('a pause that lasts is looked at again when it is over', async () =>
  expect(await end(paused, NOW + 60_000)).toEqual({ milliseconds: 240_000, calls: [], refreshed: 0 }))

test('a pause that is over ends, on exactly the version that was reconciled', async () => {
  const { milliseconds, calls, refreshed } = await end(paused, NOW + 300_000)
  expect([milliseconds, refreshed]).toEqual([undefined, 0])
  expect(calls).toMatchObject([
    {
      method: 'PATCH',
      body: {
        metadata: {
          resourceVersion: '7',
          annotations: { 'deployment.reloader.stakater.com/paused-at': null },
        },
        spec: { paused: false },
      },
    },
  ])
})

test('a workload that has changed meanwhile is read again', async () =>
  expect((await end(paused, NOW + 300_000, 409)).refreshed).toBe(1))

test('a workload that no tool paused is left alone', async () =>
  expect(await end(workloadOf(), NOW)).toEqual({ milliseconds: undefined, calls: [], refreshed: 0 }))
