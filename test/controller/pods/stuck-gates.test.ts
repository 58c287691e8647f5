// An agent with a gate that answers no more: only where it answered before, and not after one missing answer.
import type { V1Pod } from '@kubernetes/client-node'
import { expect, test } from 'vitest'
import { checkGates, type KnownGates, noKnownGates } from '../../../src/controller/pods/stuck-gates.ts'

const pod = (uid: string, gate: object | null = { mode: 'strict', volumes: ['conf'] }): V1Pod => {
  const status = JSON.stringify({
    containers: { web: { agent: 'hotreload-agent', ...(gate ? { gate } : {}) } },
  })
  return { metadata: { name: `pod-${uid}`, uid, annotations: { 'hotreload.dev/status': status } } }
}
/** Half a minute later, each time. */
let now = 0
const look = (before: KnownGates, of: V1Pod, isAnswered: boolean, later = 30_000) =>
  checkGates(before, [{ pod: of, answered: isAnswered ? ['web'] : [] }], (now += later))

test('is stuck after the second missing answer in a row, once', () => {
  const answered = look(noKnownGates, pod('1'), true)
  const first = look(answered.known, pod('1'), false)
  expect(first).toMatchObject({ stuck: [], isInDoubt: true })
  const second = look(first.known, pod('1'), false)
  expect(second).toMatchObject({ stuck: [{ pod: 'pod-1', container: 'web' }], isInDoubt: false })
  expect(look(second.known, pod('1'), false).stuck).toEqual([])
  const again = look(first.known, pod('1'), true)
  expect(look(again.known, pod('1'), false).stuck).toEqual([])
})

test('is not stuck where it never answered, has no gate, or is in another Pod', () => {
  const silent = look(noKnownGates, pod('1'), false)
  expect(look(silent.known, pod('1'), false)).toEqual({
    known: noKnownGates,
    stuck: [],
    isInDoubt: false,
  })
  expect(look(noKnownGates, pod('1', null), true).known).toBe(noKnownGates)
  const missed = look(look(noKnownGates, pod('1'), true).known, pod('1'), false)
  expect(look(missed.known, pod('2'), false).stuck).toEqual([])
})

test('is not stuck after two missing answers within seconds, as while the kubelet starts it again', () => {
  const first = look(look(noKnownGates, pod('1'), true).known, pod('1'), false)
  const second = look(first.known, pod('1'), false, 2_000)
  expect(second).toMatchObject({ stuck: [], isInDoubt: true })
  expect(look(second.known, pod('1'), false).stuck).toHaveLength(1)
})
