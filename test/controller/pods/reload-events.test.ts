import { expect, test } from 'vitest'
import type { AgentState } from '../../../src/controller/pods/agent-report.ts'
import { agentState } from '../../../src/controller/pods/agent-report.ts'
import {
  noChanges,
  noteChange,
  type ReloadEventState,
  reportReloaded,
  unreportedDue,
} from '../../../src/controller/pods/reload-events.ts'
import { keys } from '../../support/builders.ts'
import { volumesReport } from '../../support/pods-with-agents.ts'
import { recordReport } from '../../support/report-recorder.ts'
import { summaryOf } from '../../support/summaries.ts'

const source = (name: string) => ({ kind: 'ConfigMap', namespace: 'shop', name }) as const

/** @param restarts name of a source -> the annotation for which it restarts the container */
function setUp(restarts: Record<string, string> = {}) {
  const summary = summaryOf({
    own: keys({ inject: 'true', signal: 'HUP' }),
    template: keys({ inject: 'true' }),
  })
  const state: ReloadEventState = { unreported: noChanges, reloadReportedAt: undefined, changedAt: undefined }
  const { report, events } = recordReport()
  return {
    change: (name = 'web', at = 0) =>
      noteChange(state, source(name), [{ container: 'web', volume: name, restarts: restarts[name] }], at),
    /** Of an agent that has loaded volume `web` at that time. */
    stateOf: (loadedAt: number) =>
      agentState(
        { container: 'web', report: volumesReport('loaded', { web: loadedAt }) },
        unreportedDue(state),
      ),
    look: (pods: AgentState[], now = 0) =>
      reportReloaded(report, summary, state, pods, { now: () => now, wall: () => now }),
    events: () => events.map(({ reason, message }) => `${reason}: ${message}`),
  }
}

test.each<[string, AgentState[]]>([
  ['a Pod is not done', ['loaded', 'pending']],
  ['a Pod does not answer', ['loaded', 'unknown']],
  ['a Pod refuses', ['loaded', 'refused']],
  ['no Pod has it', ['notStarted', 'notStarted']],
  ['a Pod has not begun, as while Pods restart one after the other', ['loaded', 'notStarted']],
  ['there is no Pod', []],
  ['all Pods started later', ['started']],
])('nothing is reported while %s', (_, pods) => {
  const { change, look, events } = setUp()
  change()
  look(pods)
  expect(events()).toEqual([])
})

test('a reload that seems older than its change may be of a node whose clock is behind, unless it may be of the change before', () => {
  const { change, stateOf } = setUp()
  const at = Date.UTC(2026, 0, 1)
  change('web', at)
  expect([stateOf(at - 3_000), stateOf(at - 1_000)]).toEqual(['notStarted', 'loaded'])
  change('web', at + 60_000)
  expect([stateOf(at + 59_000), stateOf(at + 60_000)]).toEqual(['notStarted', 'loaded'])
  change('web', at + 300_000)
  expect(stateOf(at + 299_000)).toBe('loaded')
})

test('Pods that started later are not counted', () => {
  const { change, look, events } = setUp()
  change()
  look(['loaded', 'started'])
  expect(events()).toEqual(['Reloaded: ConfigMap web changed; 1 Pod has it'])
})

test('what a program can’t confirm is not called reloaded', () => {
  const { change, look, events } = setUp()
  change()
  look(['loaded', 'sent'])
  expect(events()).toEqual([
    'ReloadSent: ConfigMap web changed; 2 Pods have been sent it, and the program can confirm nothing',
  ])
})

test('a restart names the annotation that is its reason', () => {
  const { change, look, events } = setUp({ envs: 'hotreload.dev/env' })
  change('envs')
  change('web')
  look(['loaded', 'loaded'])
  expect(events()).toEqual([
    'Restarted: ConfigMap envs changed (hotreload.dev/env); 2 Pods have it',
    'Reloaded: ConfigMap web changed; 2 Pods have it',
  ])
})

test('a change that is only recorded for a liveness probe is not called restarted', () => {
  const { change, look, events } = setUp({ web: 'hotreload.dev/reload' })
  change()
  look(['sent'])
  expect(events()).toEqual([
    'ReloadSent: ConfigMap web changed (hotreload.dev/reload); 1 Pod has been sent it, and the program can confirm nothing',
  ])
})

test('a ConfigMap that is written all the time is one Event in a minute', () => {
  const { change, look, events } = setUp()
  change()
  look(['loaded'], 1_000)
  change()
  expect(look(['loaded'], 11_000)).toBe(50_000)
  change('other')
  expect(look(['loaded'], 61_000)).toBeUndefined()
  expect(events()).toEqual([
    'Reloaded: ConfigMap web changed; 1 Pod has it',
    'Reloaded: ConfigMap web, ConfigMap other changed; 1 Pod has it',
  ])
})
