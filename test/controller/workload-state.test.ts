import { expect, test } from 'vitest'
import { createWorkloadStates } from '../../src/controller/workload-state.ts'
import { fakeClock } from '../support/fake-clock.ts'

test('a workload has one record, and a new one after it was forgotten', () => {
  const states = createWorkloadStates(fakeClock())
  states.of('web').firstEvictionAt = 5
  expect(states.of('web').firstEvictionAt).toBe(5)
  expect(states.of('other').firstEvictionAt).toBeUndefined()
  states.forget('web')
  expect([...states.all()]).toEqual([states.of('other')])
  expect(states.of('web').firstEvictionAt).toBeUndefined()
})
