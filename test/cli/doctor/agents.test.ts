import { expect, test } from 'vitest'
import { checkAgents } from '../../../src/cli/doctor/agents.ts'
import type { AgentStatus } from '../../../src/cli/status/agents.ts'

const row = (pod: string, state: string, change: Partial<AgentStatus> = {}): AgentStatus => ({
  namespace: 'shop',
  pod,
  container: 'web',
  state,
  failed: false,
  volumes: [],
  ...change,
})
const failed = { failed: true, note: 'SIGHUP not sent' }

test('what agents refused is a problem, once for the Pods that say the same', () =>
  expect(checkAgents([row('a', 'refused', failed), row('b', 'refused', failed), row('c', 'loaded')])).toEqual(
    [
      {
        check: 'agents',
        result: 'problem',
        namespace: 'shop',
        text: '2 Pods in namespace shop (a, b): refused: SIGHUP not sent; kubectl logs -n shop a --all-containers',
        command: 'kubectl logs -n shop a --all-containers',
      },
    ],
  ))

test('a Pod that does not start is described', () => {
  const { container: _, ...pulling } = row('a', 'ImagePullBackOff', { failed: true, note: 'no such image' })
  expect(checkAgents([pulling])).toMatchObject([
    { result: 'problem', command: 'kubectl describe pod -n shop a' },
  ])
})

test('the log that says why is the command', () => {
  const remedy = 'kubectl logs -n shop a -c hotreload-agent'
  expect(checkAgents([row('a', 'invalid', { ...failed, remedy })])).toMatchObject([
    {
      command: remedy,
      text: expect.stringMatching(/: SIGHUP not sent; kubectl logs -n shop a -c hotreload-agent$/),
    },
  ])
  const [advice] = checkAgents([row('a', 'waiting', { ...failed, remedy: 'check hotreload.dev/preset' })])
  expect(advice).not.toHaveProperty('command')
  expect(advice?.text).toMatch(/; check hotreload.dev\/preset$/)
})

test('an agent that waits for its program is a warning', () =>
  expect(checkAgents([row('a', 'waiting', { note: 'no process is visible' })])).toMatchObject([
    { result: 'warning', text: expect.stringContaining('waiting: no process is visible') },
  ]))

test('agents that could not be asked are no problem, but not known', () =>
  expect(checkAgents([row('a', 'unreachable', { note: 'you may not get pods/proxy' })])).toEqual([
    { check: 'agents', result: 'unknown', text: '1 agent not asked (a): you may not get pods/proxy' },
  ]))

test.each(['not injected', 'not gated'])('a missing agent (%s) is a finding of another check', (state) =>
  expect(checkAgents([row('a', state, { failed: true }), row('b', 'loaded')])).toMatchObject([
    { result: 'ok' },
  ]),
)
