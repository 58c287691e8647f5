import { describe, expect, test } from 'vitest'
import {
  methodNames,
  methodOf,
  type ReloadMethod,
  reloadMethods,
} from '../../../src/policy/methods/reload-methods.ts'
import { decisionFor, nginx, podSpec } from '../../support/builders.ts'

/** The plan of a container for which every method is possible. */
const planOf = (reload: ReloadMethod) => {
  const container = nginx({ command: ['nginx'] })
  const own = { signal: 'HUP', url: 'http://127.0.0.1:1/', command: 'true' }
  const { plan, messages } = decisionFor(podSpec({ containers: [container] }), { ...own, reload })
  expect(messages).toEqual([])
  return plan.containers[0]
}

describe.each(methodNames)('reload: %s', (method) => {
  const row = reloadMethods[method]

  test('gives a reload of that method', () => expect(planOf(method)?.reload.method).toBe(method))

  test('names one method to the agent', () => {
    const { reload } = planOf(method) ?? {}
    const flags = reload ? methodOf(reload).flags(reload) : []
    expect(flags[0]).toBe(`--reload=${method === 'rollout' ? 'none' : method}`)
    expect(flags.filter((flag) => flag.startsWith('--reload='))).toHaveLength(1)
  })

  test('lets the agent see the processes that it signals', () => {
    const signals = row.needsKill || row.endsProcess === 'agent'
    expect(!signals || row.sharesProcesses || row.agent === 'parent').toBe(true)
  })

  test('is documented without a line break', () => {
    for (const text of Object.values(row.doc)) expect(text).toMatch(/^[^\n|]+$/)
  })
})
