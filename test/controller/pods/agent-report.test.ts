import type { V1ContainerState, V1ContainerStatus } from '@kubernetes/client-node'
import { describe, expect, test } from 'vitest'
import { agentState, isReportOf, podState, problemOf } from '../../../src/controller/pods/agent-report.ts'
import { AGENT_TIME as AT, agentReport as report } from '../../support/pods-with-agents.ts'

describe('the state of an agent', () => {
  const since = Date.UTC(2026, 0, 1, 12)
  const volume = (name: string, milliseconds: number) => ({
    name,
    loadedAt: new Date(since + milliseconds).toISOString(),
  })
  const at = (milliseconds: number) => [volume('conf', milliseconds), volume('not-due', -90_000)]
  test.each([
    [{ state: 'loaded', volumes: at(300) }, 'loaded'],
    [{ state: 'loaded', volumes: at(-1_000) }, 'loaded'],
    [{ state: 'loaded', volumes: at(-60_000) }, 'notStarted'],
    [{ state: 'staggered', volumes: at(300) }, 'pending'],
    [{ state: 'baking', volumes: at(300) }, 'baking'],
    [{ state: 'baking', volumes: at(-60_000) }, 'notStarted'],
    [{ state: 'reverted', volumes: at(300) }, 'refused'],
    [{ state: 'unhealthy', volumes: at(300) }, 'refused'],
    [{ state: 'signalled', volumes: at(300) }, 'sent'],
    [{ state: 'signalled', volumes: at(-60_000) }, 'notStarted'],
    [{ state: 'recorded', volumes: at(300) }, 'sent'],
    [{ state: 'refreshed', volumes: at(300) }, 'sent'],
    [{ state: 'unconfirmed', volumes: at(-60_000) }, 'refused'],
    [{ state: 'loaded', volumes: [{ name: 'conf' }] }, 'notStarted'],
    [{ state: 'loaded', volumes: [...at(300), volume('more', -60_000)] }, 'notStarted'],
    [{ state: 'loaded', volumes: [volume('conf', -60_000), volume('more', 300)] }, 'notStarted'],
    [{ state: 'loaded', volumes: [volume('not-due', 300)] }, undefined],
    [{ state: 'loaded' }, undefined],
    [{ state: 'refused', volumes: at(300) }, 'refused'],
    [{ state: 'invalid' }, 'refused'],
    [{ state: 'held', error: { at: '2026-01-01T11:59:59Z' }, volumes: at(-60_000) }, 'refused'],
    [{ state: 'held', error: { at: '2026-01-01T11:59:00Z' }, volumes: at(-60_000) }, 'notStarted'],
    [{ state: 'held', error: { at: '2026-01-01T11:59:00Z' }, volumes: at(300) }, 'refused'],
    [{}, 'unknown'],
    ['<html>', 'unknown'],
    [undefined, 'unknown'],
  ])('%j is %s', (report, expected) => {
    const due = new Map([['web', new Map(Object.entries({ conf: since, more: since - 10_000 }))]])
    expect(agentState({ container: 'web', report }, due)).toBe(expected)
    expect(agentState({ container: 'sidecar', report }, due)).toBeUndefined()
  })

  test('is its own where the gate holds another volume back, or has it on trial', () => {
    const due = new Map([['web', new Map([['conf', since]])]])
    const stateOf = (state: string, reloadState: string, gate: object = {}) =>
      agentState(
        { container: 'web', report: { state, reloadState, volumes: [{ ...volume('conf', 300), gate }] } },
        due,
      )
    for (const state of [
      'held',
      'reverted',
      'unhealthy',
      'unproved',
      'baking',
      'validating',
      'retrying',
      'removed',
    ]) {
      expect(stateOf(state, 'loaded')).toBe('loaded')
      expect(stateOf(state, 'signalled')).toBe('sent')
    }
    expect(stateOf('held', 'loaded', { held: {} })).toBe('refused')
    expect(stateOf('reverted', 'loaded', { reverted: {} })).toBe('refused')
    expect(stateOf('unhealthy', 'loaded', { unhealthy: {} })).toBe('refused')
    expect(stateOf('unproved', 'loaded', { unproved: true })).toBe('refused')
    expect(stateOf('baking', 'loaded', { trial: {} })).toBe('baking')
    expect(
      agentState(
        { container: 'web', report: { state: 'held', reloadState: 'loaded', volumes: at(-60_000) } },
        due,
      ),
    ).toBe('refused')
  })

  test('is `started` where all that it lacks was there before its container started', () => {
    const due = new Map([['web', new Map(Object.entries({ conf: since, more: since - 10_000 }))]])
    const stateOf = (report: unknown, started: number) =>
      agentState({ container: 'web', report }, due, (time) => time < started)
    const fresh = { state: 'loaded', volumes: [{ name: 'conf' }, { name: 'more' }] }
    expect(stateOf(fresh, since + 1)).toBe('started')
    expect(stateOf(fresh, since - 1)).toBe('notStarted')
    expect(stateOf({ state: 'loaded', volumes: [...at(300), { name: 'more' }] }, since)).toBe('loaded')
  })

  test('of several agents: problems first, and who has done least; those that are not concerned do not count', () => {
    expect(podState(['loaded', 'pending', 'unknown'])).toBe('pending')
    expect(podState(['loaded', 'notStarted'])).toBe('notStarted')
    expect(podState(['loaded', 'sent'])).toBe('sent')
    expect(podState(['loaded', 'sent', 'baking'])).toBe('baking')
    expect(podState(['loaded', undefined])).toBe('loaded')
    expect(podState([undefined])).toBeUndefined()
  })
})

describe('whose report it is', () => {
  const mine = { metadata: { uid: '6f9c' } }
  const onHost = { ...mine, spec: { containers: [], hostNetwork: true } }
  test('the UID decides, however the Pod was reached', () => {
    expect(isReportOf({ podUid: '6f9c' }, onHost)).toBe(true)
    expect(isReportOf({ podUid: 'another' }, onHost)).toBe(false)
    expect(isReportOf({ podUid: 'another' }, mine)).toBe(false)
  })
  test.each([{ state: 'loaded' }, { state: 'loaded', podUid: null }])(
    'without one, as %j, the address decides',
    (one) => {
      expect(isReportOf(one, mine)).toBe(true)
      expect(isReportOf(one, onHost)).toBe(false)
    },
  )
})

const NOW = Date.parse(AT) + 600_000
const runsFor = (seconds: number) => ({ running: { startedAt: new Date(NOW - seconds * 1000) } })
function problemIn(answer: unknown, state: V1ContainerState = runsFor(3_600)) {
  const container = { name: 'web', state } as V1ContainerStatus
  return problemOf({ container: 'web', report: answer }, { status: { containerStatuses: [container] } }, NOW)
}

const killed = report('killed', 'HR_KILLED', 'nginx ended within 2 s of SIGHUP')

describe('the problem in an agent’s report', () => {
  test('is read where the agent tries nothing more', () => {
    expect(problemIn(killed)).toEqual({
      state: 'killed',
      container: 'web',
      code: 'HR_KILLED',
      message: 'nginx ended within 2 s of SIGHUP',
      at: AT,
    })
  })
  test.each([
    ['nothing is wrong', { state: 'loaded', error: null }],
    ['it has no code', report('refused', 'please click here', 'now')],
    ['it is no agent’s', 'hello'],
    ['no agent answers', undefined],
  ])('is none where %s', (_name, answer) => expect(problemIn(answer)).toBeUndefined())
  test.each<[string, string, V1ContainerState, boolean]>([
    ['waits for a process that never comes', 'waiting', runsFor(3_600), true],
    ['waits in a container that has just started', 'waiting', runsFor(60), false],
    ['waits for a container that crashes', 'waiting', { waiting: { reason: 'CrashLoopBackOff' } }, false],
    ['tries again and again', 'retrying', runsFor(3_600), true],
  ])('where the agent %s', (_, state, container, is) => {
    expect(problemIn(report(state, 'HR_NO_PROCESS', 'no process'), container) !== undefined).toBe(is)
  })
  test('is none while it may pass by itself', () => {
    const at = new Date(NOW - 60_000).toISOString()
    expect(problemIn(report('retrying', 'HR_HTTP_FAILED', 'refused', at))).toBeUndefined()
  })
  test('shows no query of a URL, which may hold a token', () => {
    const message = 'GET http://10.0.0.7:80/ok?token=hunter2: answered 500'
    expect(problemIn(report('reverted', 'HR_REVERTED', message))?.message).toBe(
      'GET http://10.0.0.7:80/ok: answered 500',
    )
  })
  test('is cut and cleaned, because any program in a Pod may answer there', () => {
    const problem = problemIn(report('invalid', 'HR_VALIDATION_FAILED', `a\n\u001b[31m${'b'.repeat(9_000)}`))
    expect(problem?.message).toHaveLength(500)
    expect(problem?.message).toMatch(/^a \[31mb+$/)
  })
})
