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

test('a replica that leads no longer forgets all, so that it leads again as any other', () => {
  const states = createWorkloadStates(fakeClock())
  Object.assign(states.of('web'), {
    pendingChange: { desired: '', changedAt: 0, firstChangedAt: 0 },
    waitsForGate: true,
  })
  states.stoppedLeading()
  expect(states.of('web')).toMatchObject({ pendingChange: undefined, waitsForGate: false })
})
