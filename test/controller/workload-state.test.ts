import { expect, test } from 'vitest'
import { createWorkloadStates } from '../../src/controller/workload-state.ts'
import { fakeClock } from '../support/fake-clock.ts'

test('a workload has one record, and a new one after it was forgotten', () => {
  const states = createWorkloadStates(fakeClock())
  states.of('web').firstEvictionAt = 5
  expect(states.of('web').firstEvictionAt).toBe(5)
  expect(states.of('other').firstEvictionAt).toBeUndefined()
  states.forget('web')
  expect(states.of('web').firstEvictionAt).toBeUndefined()
})

test('a replica that leads no longer forgets what is due, and what it would report', () => {
  const states = createWorkloadStates(fakeClock())
  Object.assign(states.of('web'), {
    pendingChange: { desired: '', changedAt: 0, firstChangedAt: 0 },
    rollingOut: new Set(['ConfigMap web']),
    unreported: new Map([['ConfigMap web', { at: 0, due: new Map(), cause: undefined }]]),
    firstEvictionAt: 5,
  })
  states.stoppedLeading()
  expect(states.of('web')).toMatchObject({
    pendingChange: undefined,
    rollingOut: undefined,
    unreported: new Map(),
    firstEvictionAt: 5,
  })
})
