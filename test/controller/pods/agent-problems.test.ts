import { describe, expect, test } from 'vitest'
import { createAgentProblems } from '../../../src/controller/pods/agent-problems.ts'
import { problemOf } from '../../../src/controller/pods/agent-report.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { KEY, podsWithAgents } from '../../support/pods-with-agents.ts'

const AT = '2026-01-01T00:00:01.000Z'
const report = (state: string, code: string, message: string, at = AT) => ({
  container: 'web',
  state,
  error: { code, message, at },
})
const killed = report('killed', 'HR_KILLED', 'nginx ended within 2 s of SIGHUP')

describe('what an agent says of its problem', () => {
  test('is taken over where nothing more is tried', () => {
    expect(problemOf(killed)).toEqual({
      state: 'killed',
      container: 'web',
      code: 'HR_KILLED',
      message: 'nginx ended within 2 s of SIGHUP',
      at: AT,
    })
  })
  test.each([
    ['nothing is wrong', { state: 'loaded', error: null }],
    ['it tries again', report('retrying', 'HR_HTTP_FAILED', 'refused')],
    ['it says no code', report('refused', 'please click here', 'now')],
    ['it is no agent', 'hello'],
    ['nobody answers', undefined],
  ])('is nothing where %s', (_name, said) => expect(problemOf(said)).toBeUndefined())
  test('is cut and cleaned: anything in a Pod may answer there', () => {
    const problem = problemOf(report('invalid', 'HR_VALIDATION_FAILED', `a\n\u001b[31m${'b'.repeat(9_000)}`))
    expect(problem?.message).toHaveLength(500)
    expect(problem?.message).toMatch(/^a \[31mb+$/)
  })
})

function cluster(...names: string[]) {
  const clock = fakeClock()
  const { pods, ...fakes } = podsWithAgents(names, { signal: 'SIGHUP' })
  const told: string[] = []
  const problems = createAgentProblems({
    ...fakes,
    clock,
    report: {
      event: (about, _type, reason, message) => told.push(`${about.name} ${reason}: ${message}`),
      agentProblem: (state) => told.push(state),
      log() {},
    },
    leads: () => true,
  })
  const say = (name: string, said: unknown) => pods.set(name, { ready: true, report: said })
  return { clock, told, problems, say, all: (said: unknown) => names.forEach((name) => say(name, said)) }
}

const EVENT = 'web KilledByReload: Pod a, container web, at 2026-01-01T00:00:01.000Z: nginx ended within'

test('a problem is told once for a workload, however many Pods have it and for however long', async () => {
  const { clock, told, problems, all } = cluster('a')
  all(killed)
  problems.changed(KEY)
  await clock.advance(86_400_000)
  expect(told).toEqual(['killed', `${EVENT} 2 s of SIGHUP [HR_KILLED]`])

  const many = cluster('a', 'b', 'c')
  many.all(killed)
  many.problems.changed(KEY)
  await many.clock.advance(86_400_000)
  expect(many.told).toHaveLength(2)
  expect(many.told[1]).toContain('Pod a (and 2 more), container web')
})

test('the same problem with another change, or after it was gone, is told again', async () => {
  const { clock, told, problems, all } = cluster('a')
  all(killed)
  problems.changed(KEY)
  await clock.advance(60_000)
  problems.changed(KEY)
  await clock.advance(60_000)
  expect(told).toHaveLength(4)
  all({ state: 'loaded', error: null })
  await clock.advance(600_000)
  all(killed)
  await clock.advance(600_000)
  expect(told).toHaveLength(6)
})

test('one that comes late, as after a slow validation, and one that came without us are found, too', async () => {
  const { clock, told, problems, say, all } = cluster('a', 'b')
  all({ state: 'validating', error: null })
  problems.changed(KEY)
  await clock.advance(20_000)
  expect(told).toEqual([])
  say('a', report('invalid', 'HR_VALIDATION_FAILED', 'nginx -t failed'))
  await clock.advance(20_000)
  expect(told[0]).toBe('invalid')
  expect(told[1]).toContain('ConfigurationInvalid')
  say('b', report('refused', 'HR_SIGNAL_REFUSED', 'SIGHUP not sent'))
  await clock.advance(600_000)
  expect(told[2]).toBe('refused')
  expect(told[3]).toContain('ReloadRefused: Pod b, container web')
})

test('a workload that is gone is not asked any more', async () => {
  const { clock, told, problems, all } = cluster('a')
  all(killed)
  problems.lookSoon(KEY)
  problems.forget(KEY)
  await clock.advance(86_400_000)
  expect(told).toEqual([])
})

test('agents that nobody reaches, as under strict mTLS, are not asked one after the other by the thousand', async () => {
  const clock = fakeClock()
  const names = Array.from({ length: 2_000 }, (_, index) => `p${index}`)
  const fakes = podsWithAgents(names, { signal: 'SIGHUP' })
  let asked = 0
  const problems = createAgentProblems({
    ...fakes,
    clock,
    async askAgent() {
      asked += 1
      await new Promise<void>((resolve) => void clock.after(1_000, resolve))
      return undefined
    },
    report: { event() {}, agentProblem() {}, log() {} },
    leads: () => true,
  })
  problems.changed(KEY)
  await clock.advance(20_000)
  expect(asked).toBe(50)
  problems.stop()
})
