import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node'
import { expect, test } from 'vitest'
import { startProblems } from '../../../src/controller/pods/start-problems.ts'
import { keys } from '../../support/builders.ts'

const SENTENCE = '/etc/app/a: not prepared: no space left; the app starts when it is [HR_LINK_FAILED]'
const finishedAt = '2026-01-01T00:00:01Z' as unknown as Date
const ended = (message: string) => ({ terminated: { exitCode: 1, finishedAt, message } })
const backOff = { waiting: { reason: 'CrashLoopBackOff' } }

const podWith = (status: object, change: V1Pod['metadata'] = {}, phase = 'Pending'): V1Pod => {
  const agent = { name: 'hotreload-agent', restartCount: 1, ...status } as V1ContainerStatus
  const metadata = { name: 'web-1', annotations: keys({ status: '{}' }), ...change }
  return { metadata, status: { phase, initContainerStatuses: [agent] } }
}

test.each<[when: string, status: object]>([
  ['while the kubelet waits', { state: backOff, lastState: ended(SENTENCE) }],
  ['at its end', { state: ended(SENTENCE), lastState: {} }],
  ['while it tries again', { state: { running: {} }, lastState: ended(SENTENCE) }],
])('an agent that can not prepare files is a problem %s', (_, status) =>
  expect(startProblems(podWith(status))).toEqual([
    {
      state: 'error',
      container: 'hotreload-agent',
      code: 'HR_LINK_FAILED',
      message: '/etc/app/a: not prepared: no space left; the app starts when it is',
      at: '2026-01-01T00:00:01Z',
    },
  ]),
)

const failing = { state: backOff, lastState: ended(SENTENCE) }
test.each<[what: string, pod: V1Pod]>([
  ['an agent that ended without a sentence', podWith({ state: backOff, lastState: ended('') })],
  ['a container of somebody else', podWith({ ...failing, name: 'setup' })],
  ['a Pod that runs', podWith(failing, {}, 'Running')],
  ['a Pod that ends', podWith(failing, { deletionTimestamp: finishedAt })],
  ['a Pod that is not injected', podWith(failing, { annotations: {} })],
])('%s has none', (_, pod) => expect(startProblems(pod)).toEqual([]))

test('the sentence is cut, and loses control characters', () => {
  const [problem] = startProblems(podWith({ state: ended(`\u001b[2J${'x'.repeat(600)} [HR_LINK_FAILED]`) }))
  expect(problem?.message).toHaveLength(500)
  expect(problem?.message).not.toContain('\u001b')
})
