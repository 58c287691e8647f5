import { expect, test } from 'vitest'
import { runningRollout } from '../../../src/controller/decide/running-rollout.ts'

const started = { since: 1_000, newPods: 0, progressedAt: 1_000 }

test('a rollout begins without progress', () => {
  expect(runningRollout(undefined, { progress: 'running', newPods: 0 }, 1_000)).toEqual(started)
})

test('each further new Pod is progress', () => {
  const first = runningRollout(started, { progress: 'running', newPods: 1 }, 5_000)
  expect(first).toEqual({ since: 1_000, newPods: 1, progressedAt: 5_000 })
  expect(runningRollout(first, { progress: 'running', newPods: 1 }, 9_000)).toEqual(first)
})

test('a new Pod that crashes and comes back is none', () => {
  const first = runningRollout(started, { progress: 'running', newPods: 1 }, 5_000)
  const crashed = runningRollout(first, { progress: 'running', newPods: 0 }, 6_000)
  expect(runningRollout(crashed, { progress: 'running', newPods: 1 }, 7_000)).toEqual(first)
})

test('a pause of the rollout belongs to it; one that has ended is none', () => {
  expect(runningRollout(started, { progress: 'paused', newPods: 0 }, 5_000)).toEqual(started)
  expect(runningRollout(started, { progress: 'done', newPods: 1 }, 5_000)).toBeUndefined()
  expect(runningRollout(started, { progress: 'stuck', newPods: 0 }, 5_000)).toBeUndefined()
})
