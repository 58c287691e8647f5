// What the controller reports of agents' problems: Pods and agents are a table, the clock is the test's.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import {
  type AgentProblemsOptions,
  createAgentProblems,
} from '../../../src/controller/pods/agent-problems.ts'
import { createPodChecks, type PodChecksOptions } from '../../../src/controller/pods/pod-checks.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { agentReport, podsWithAgents, volumesReport, withAgents } from '../../support/pods-with-agents.ts'
import { recordReport } from '../../support/report-recorder.ts'
import { KEY } from '../../support/summaries.ts'

const SOURCE = { kind: 'ConfigMap', namespace: 'shop', name: 'web' } as const
const OTHER = { ...SOURCE, name: 'other' }
/** The volumes that bring them. */
const CONF = [{ container: 'web', volume: 'conf', restarts: undefined }]
const MORE = [{ container: 'web', volume: 'more', restarts: undefined }]
const killed = agentReport('killed', 'HR_KILLED', 'nginx ended within 2 s of SIGHUP')

/** Asks at the times of pod-checks.ts. */
function askAtTimes(options: AgentProblemsOptions & Omit<PodChecksOptions, 'check'>) {
  const problems = createAgentProblems(options)
  const checks = createPodChecks({ ...options, check: (...checked) => problems.check(...checked) })
  return {
    ...checks,
    changed(...change: Parameters<typeof problems.changed>) {
      problems.changed(...change)
      checks.sourceChanged(change[0])
    },
  }
}

function cluster(...names: string[]) {
  const clock = fakeClock()
  const { pods, ...fakes } = podsWithAgents(names, { signal: 'SIGHUP' })
  const { report, events, problems: states } = recordReport()
  let whileAsking = (): void => undefined
  let isLeading = true
  const problems = askAtTimes({
    ...fakes,
    clock,
    async askAgent(ip, port) {
      const answer = fakes.askAgent(ip, port)
      whileAsking()
      return answer
    },
    report,
    isLeading: () => isLeading,
  })
  const soon = () => new Date(clock.wall() + 1_000).toISOString()
  const answer = (name: string, status: unknown) => pods.set(name, { ready: true, report: status })
  return {
    clock,
    problems,
    pods,
    answer,
    fail: (name: string, failedToStart: string) =>
      pods.set(name, { ready: false, report: undefined, failedToStart }),
    allAnswer: (status: unknown) => names.forEach((name) => answer(name, status)),
    create: (name: string, status: unknown) =>
      pods.set(name, { ready: true, report: status, createdAt: soon() }),
    /** It was created before. */
    start: (name: string, status: unknown) =>
      pods.set(name, { ready: true, report: status, startedAt: soon() }),
    whileAskingOnce: (run: () => void) =>
      (whileAsking = () => {
        whileAsking = () => undefined
        run()
      }),
    removeWorkload: fakes.removeWorkload,
    loseLeadership: () => (isLeading = false),
    states,
    events: () => events.map(({ name, reason, message }) => `${name} ${reason}: ${message}`),
  }
}

const EVENT = 'web KilledByReload: Pod a, container web, at 2026-01-01T00:00:01.000Z: nginx ended within'

test('a problem is reported once for a workload, however many Pods have it and however long', async () => {
  const one = cluster('a')
  one.allAnswer(killed)
  one.problems.changed(KEY, SOURCE, CONF)
  await one.clock.advance(86_400_000)
  expect(one.states).toEqual(['killed'])
  expect(one.events()).toEqual([`${EVENT} 2 s of SIGHUP [HR_KILLED]; kubectl logs -n shop a -c web`])

  const many = cluster('a', 'b', 'c')
  many.allAnswer(killed)
  many.problems.changed(KEY, SOURCE, CONF)
  await many.clock.advance(86_400_000)
  expect(many.states).toHaveLength(1)
  expect(many.events()).toEqual([expect.stringContaining('Pod a (and 2 more), container web')])
})

test('an agent that does not let its app start is reported once, although it does not answer, and again after it has', async () => {
  const { clock, states, events, problems, answer, fail } = cluster('a', 'b')
  answer('b', { state: 'loaded', error: null })
  fail('a', '/etc/app/a: not prepared: no space left [HR_LINK_FAILED]')
  problems.checkSoon(KEY)
  await clock.advance(1_300_000)
  expect(states).toEqual(['error'])
  expect(events()).toEqual([
    expect.stringMatching(
      /^web AgentUnusable: Pod a, container hotreload-agent, .*no space left \[HR_LINK_FAILED\]$/,
    ),
  ])
  answer('a', { state: 'loaded', error: null })
  await clock.advance(600_000)
  fail('a', '/etc/app/a: not prepared: no space left [HR_LINK_FAILED]')
  answer('b', undefined)
  await clock.advance(1_300_000)
  expect(states).toEqual(['error', 'error'])
})

test('the same problem of another change, or one that returns, is reported again', async () => {
  const { clock, states, events, problems, allAnswer } = cluster('a')
  allAnswer(killed)
  problems.checkSoon(KEY)
  problems.changed(KEY, SOURCE, CONF)
  await clock.advance(60_000)
  problems.changed(KEY, SOURCE, CONF)
  await clock.advance(60_000)
  expect([states, events()].map(({ length }) => length)).toEqual([2, 2])
  allAnswer({ state: 'loaded', error: null })
  await clock.advance(600_000)
  allAnswer(killed)
  await clock.advance(600_000)
  expect([states, events()].map(({ length }) => length)).toEqual([3, 3])
})

test('a late problem, as after a slow validation, and one of a change that the controller did not see are found, too', async () => {
  const { clock, states, events, problems, answer, allAnswer } = cluster('a', 'b')
  allAnswer({ state: 'validating', error: null })
  problems.changed(KEY, SOURCE, CONF)
  await clock.advance(20_000)
  expect([states, events()]).toEqual([[], []])
  answer('a', agentReport('invalid', 'HR_VALIDATION_FAILED', 'nginx -t failed'))
  await clock.advance(20_000)
  expect(states[0]).toBe('invalid')
  expect(events()[0]).toContain('ConfigurationInvalid')
  answer('b', agentReport('refused', 'HR_SIGNAL_REFUSED', 'SIGHUP not sent'))
  await clock.advance(600_000)
  expect(states[1]).toBe('refused')
  expect(events()[1]).toContain('ReloadRefused: Pod b, container web')
})

test('a reload that the program does not confirm is reported, with where to look', async () => {
  const { clock, states, events, problems, allAnswer } = cluster('a')
  allAnswer(agentReport('unconfirmed', 'HR_UNCONFIRMED', 'no new workers'))
  problems.changed(KEY, SOURCE, CONF)
  await clock.advance(60_000)
  expect(states).toEqual(['unconfirmed'])
  expect(events()).toEqual([
    'web ReloadUnconfirmed: Pod a, container web, at 2026-01-01T00:00:01.000Z: no new workers [HR_UNCONFIRMED]; kubectl logs -n shop a -c web',
  ])
})

test('the answer of another Pod’s agent is no problem of this workload', async () => {
  const { clock, states, problems, allAnswer } = cluster('a')
  allAnswer({ ...killed, podUid: 'another' })
  problems.changed(KEY, SOURCE, CONF)
  await clock.advance(60_000)
  expect(states).toEqual([])
  allAnswer({ ...killed, podUid: 'a' })
  await clock.advance(600_000)
  expect(states).toEqual(['killed'])
})

test('the agents of a deleted workload are not asked', async () => {
  const { clock, states, events, problems, allAnswer, removeWorkload } = cluster('a')
  allAnswer(killed)
  problems.checkSoon(KEY)
  removeWorkload()
  await clock.advance(86_400_000)
  expect([states, events()]).toEqual([[], []])
  expect(clock.timers()).toBe(0)
})

test('unreachable agents, as under strict mTLS, are not asked one after the other by the thousand', async () => {
  const clock = fakeClock()
  const names = Array.from({ length: 2_000 }, (_, index) => `p${index}`)
  const fakes = podsWithAgents(names, { signal: 'SIGHUP' })
  let asked = 0
  const problems = askAtTimes({
    ...fakes,
    clock,
    async askAgent() {
      asked += 1
      await new Promise<void>((resolve) => void clock.after(1_000, resolve))
      return undefined
    },
    report: recordReport().report,
    isLeading: () => true,
  })
  problems.changed(KEY, SOURCE, CONF)
  await clock.advance(20_000)
  expect(asked).toBe(50)
  problems.stop()
})

const loaded = (at: number) => volumesReport('loaded', { conf: at, more: 0 })

test('a change is reported as reloaded once all Pods have confirmed it, once for all of them', async () => {
  const { clock, problems, answer, allAnswer, events } = cluster('a', 'b')
  allAnswer(loaded(clock.wall() - 3_600_000))
  problems.changed(KEY, SOURCE, CONF)
  await clock.advance(5_000)
  expect(events()).toEqual([])
  answer('a', loaded(clock.wall()))
  answer('b', { state: 'staggered', error: null })
  await clock.advance(30_000)
  expect(events()).toEqual([])
  answer('b', loaded(clock.wall()))
  await clock.advance(86_400_000)
  expect(events()).toEqual(['web Reloaded: ConfigMap web changed; 2 Pods have it'])
})

test('a Pod that was there before the change and has not begun is waited for; one that was created since then has it', async () => {
  const { clock, problems, answer, create, events } = cluster('a', 'b')
  const before = loaded(clock.wall() - 3_600_000)
  answer('b', before)
  problems.changed(KEY, SOURCE, CONF)
  answer('a', loaded(clock.wall()))
  create('c', loaded(0))
  await clock.advance(5_000)
  expect(events()).toEqual([])
  answer('b', loaded(clock.wall()))
  await clock.advance(30_000)
  expect(events()).toEqual(['web Reloaded: ConfigMap web changed; 2 Pods have it'])
})

test('a Pod that was created before the change and started after it has it once the kubelet has refreshed its volumes', async () => {
  const { clock, problems, answer, start, events } = cluster('a', 'b')
  problems.changed(KEY, SOURCE, CONF)
  answer('a', loaded(clock.wall()))
  start('b', loaded(0))
  await clock.advance(60_000)
  expect(events()).toEqual([])
  await clock.advance(120_000)
  expect(events()).toEqual(['web Reloaded: ConfigMap web changed; 1 Pod has it'])
})

test('two sources of a workload that change together: no Event names the one that no Pod has yet', async () => {
  const { clock, problems, answer, events } = cluster('a')
  problems.changed(KEY, SOURCE, CONF)
  problems.changed(KEY, OTHER, MORE)
  answer('a', volumesReport('loaded', { conf: clock.wall(), more: clock.wall() - 3_600_000 }))
  await clock.advance(10_000)
  expect(events()).toEqual([])
  answer('a', volumesReport('loaded', { conf: clock.wall(), more: clock.wall() }))
  await clock.advance(60_000)
  expect(events()).toEqual(['web Reloaded: ConfigMap web, ConfigMap other changed; 1 Pod has it'])
})

test('a change that was taken back before the kubelet looked does not keep later ones from their Event', async () => {
  const { clock, problems, answer, events } = cluster('a')
  answer('a', volumesReport('loaded', { conf: 0, more: 0 }))
  problems.checkSoon(KEY)
  problems.changed(KEY, OTHER, MORE)
  await clock.advance(1_200_000)
  problems.changed(KEY, SOURCE, CONF)
  answer('a', volumesReport('loaded', { conf: clock.wall(), more: 0 }))
  await clock.advance(10_000)
  expect(events()).toEqual(['web Reloaded: ConfigMap web changed; 1 Pod has it'])
})

test('a change that comes while the agents answer is not reported before they are asked about it', async () => {
  const { clock, problems, answer, events, whileAskingOnce } = cluster('a')
  problems.changed(KEY, SOURCE, CONF)
  answer('a', volumesReport('loaded', { conf: clock.wall(), more: 0 }))
  whileAskingOnce(() => problems.changed(KEY, OTHER, MORE))
  await clock.advance(9_000)
  expect(events()).toEqual([])
  answer('a', volumesReport('loaded', { conf: clock.wall(), more: clock.wall() }))
  await clock.advance(60_000)
  expect(events()).toEqual(['web Reloaded: ConfigMap web, ConfigMap other changed; 1 Pod has it'])
})

test('a problem of a change that comes while the agents answer is reported as a new one', async () => {
  const { clock, problems, states, allAnswer, whileAskingOnce } = cluster('a')
  allAnswer(killed)
  problems.changed(KEY, SOURCE, CONF)
  whileAskingOnce(() => problems.changed(KEY, SOURCE, CONF))
  await clock.advance(60_000)
  expect(states).toEqual(['killed', 'killed'])
})

test('what agents answer after the end of leadership is left to the next leader', async () => {
  const { clock, problems, states, events, allAnswer, whileAskingOnce, loseLeadership } = cluster('a')
  allAnswer(killed)
  problems.changed(KEY, SOURCE, CONF)
  whileAskingOnce(loseLeadership)
  await clock.advance(60_000)
  expect([states, events()]).toEqual([[], []])
})

test('an agent that the change does not concern is not waited for', async () => {
  const { clock, problems, answer, events } = cluster('a')
  problems.changed(KEY, SOURCE, CONF)
  problems.changed(KEY, OTHER, [])
  answer('a', loaded(clock.wall()))
  await clock.advance(10_000)
  expect(events()).toEqual(['web Reloaded: ConfigMap web changed; 1 Pod has it'])
})

test('an agent that waits for a process that never comes is reported once it has waited two minutes', async () => {
  const { clock, problems, pods, events, states } = cluster('a')
  const at = new Date(clock.wall()).toISOString()
  const report = agentReport('waiting', 'HR_NO_PROCESS', 'no process named haproxy runs', at)
  pods.set('a', { ready: true, report, startedAt: new Date(clock.wall() - 3_600_000).toISOString() })
  problems.changed(KEY, SOURCE, CONF)
  await clock.advance(60_000)
  expect(events()).toEqual([])
  await clock.advance(120_000)
  expect(states).toEqual(['waiting'])
  expect(events()).toEqual([
    `web ReloadWaiting: Pod a, container web, at ${at}: no process named haproxy runs [HR_NO_PROCESS]; check hotreload.dev/preset, hotreload.dev/process, hotreload.dev/signal`,
  ])
})

const heldReport = (refusals: number) => ({
  ...agentReport('held', 'HR_VALIDATION_FAILED', 'validate exited with code 1'),
  volumes: [{ name: 'conf', gate: { held: { refusals } } }],
})

test('content that a gate holds back is reported after its second refusal', async () => {
  const one = cluster('a')
  one.allAnswer(heldReport(1))
  one.problems.changed(KEY, SOURCE, CONF)
  await one.clock.advance(10_000)
  expect(one.events()).toEqual([])
  one.allAnswer(heldReport(2))
  await one.clock.advance(60_000)
  expect(one.events()).toEqual([
    expect.stringContaining(
      'ConfigurationHeld: Pod a, container web, at 2026-01-01T00:00:01.000Z: validate exited',
    ),
  ])
})

test('a change on trial is asked after until the trial is over, and a revert is reported once', async () => {
  const one = cluster('a', 'b')
  one.allAnswer(volumesReport('baking', { conf: one.clock.wall() + 1_000 }))
  one.problems.changed(KEY, SOURCE, CONF)
  await one.clock.advance(150_000)
  expect(one.events()).toEqual([])
  one.allAnswer(agentReport('reverted', 'HR_REVERTED', '3 answers in a row were not healthy (status 500)'))
  await one.clock.advance(30_000)
  expect(one.events()).toEqual([
    'web ConfigurationReverted: Pod a (and 1 more), container web, at 2026-01-01T00:00:01.000Z: 3 answers in a row were not healthy (status 500) [HR_REVERTED]; kubectl logs -n shop a -c web',
  ])
  await one.clock.advance(3_600_000)
  expect(one.states).toEqual(['reverted'])
})

test('a change is reported as reloaded when its trial has ended well', async () => {
  const one = cluster('a')
  const at = one.clock.wall() + 1_000
  one.allAnswer(volumesReport('baking', { conf: at }))
  one.problems.changed(KEY, SOURCE, CONF)
  await one.clock.advance(60_000)
  expect(one.events()).toEqual([])
  one.allAnswer(volumesReport('loaded', { conf: at }))
  await one.clock.advance(30_000)
  expect(one.events()).toEqual(['web Reloaded: ConfigMap web changed; 1 Pod has it'])
})

test('a program that is not well with what it has, and has no other, is reported', async () => {
  const one = cluster('a')
  const unhealthy = { since: '2026-01-01T00:00:01.000Z', reason: 'GET http://10.0.0.7:80/: timed out' }
  one.allAnswer({ ...volumesReport('unhealthy', {}), volumes: [{ name: 'conf', gate: { unhealthy } }] })
  one.problems.checkSoon(KEY)
  await one.clock.advance(60_000)
  expect(one.events()).toEqual([
    'web ConfigurationUnhealthy: Pod a, container web, at 2026-01-01T00:00:01.000Z: GET http://10.0.0.7:80/: timed out [HR_UNHEALTHY]; kubectl logs -n shop a -c web',
  ])
})

test('a Pod that waits since its gate has no room for the first publish is reported', async () => {
  const one = cluster('a')
  const status = withAgents(['web'], { mode: 'publish', volumes: ['conf'] })
  const report = agentReport('error', 'HR_GATE_FULL', 'volume conf: no room for its new content')
  one.pods.set('a', { ready: false, status, report, failedToStart: '' })
  one.problems.checkSoon(KEY)
  await one.clock.advance(60_000)
  expect(one.events()).toEqual([expect.stringMatching(/^web AgentUnusable: Pod a, .*no room.*HR_GATE_FULL/)])
})

const STUCK =
  'its agent answers no more, so no edit of a gated volume reaches the program; kubectl rollout restart replaces the Pod'
const running = (container: string) => ({ container, state: 'loaded', error: null })

test('Pods of an earlier template with more gates than the workload has now: each of their agents is asked', async () => {
  const { clock, problems, pods, events } = cluster('a', 'b')
  const status = withAgents(['api', 'web'], { mode: 'strict', volumes: ['conf'] })
  const answerAll = (report: readonly unknown[]) =>
    ['a', 'b'].forEach((name) => pods.set(name, { ready: true, status, report }))
  answerAll([running('api'), running('web')])
  problems.checkSoon(KEY)
  await clock.advance(3_600_000)
  expect(events()).toEqual([])
  answerAll([running('api'), undefined])
  await clock.advance(3_600_000)
  expect(events()).toEqual([`web GateStuck: Pod a, container web (and 1 more): ${STUCK}`])
})

test('answers are read one by one: those of many Pods do not fill the heap', async () => {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  const heap = () => {
    collect()
    return process.memoryUsage().heapUsed
  }
  const names = Array.from({ length: 200 }, (_, index) => `p${index}`)
  const clock = fakeClock()
  const { report, problems: states } = recordReport()
  let [asked, before, atEnd] = [0, 0, Number.POSITIVE_INFINITY]
  const problems = askAtTimes({
    ...podsWithAgents(names, { signal: 'SIGHUP' }),
    clock,
    async askAgent(ip) {
      asked += 1
      if (asked === 1) before = heap()
      if (asked === names.length) atEnd = heap()
      const code = `HR_${[...ip].map((letter) => 'ABCDEFGHIJ'[Number(letter)] ?? 'P').join('')}`
      const long = 'x'.repeat(30_000)
      const parsed: object = JSON.parse(JSON.stringify(agentReport('refused', code, long)))
      return { ...parsed, lists: Array.from({ length: 20_000 }, () => []) }
    },
    report,
    isLeading: () => true,
  })
  problems.changed(KEY, SOURCE, CONF)
  await clock.advance(6_000)
  problems.stop()
  expect(states).toHaveLength(200)
  // One of them has 0.8 MB.
  expect(atEnd - before).toBeLessThan(60 * 2 ** 20)
})
