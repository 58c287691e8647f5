import { expect, test } from 'vitest'
import { restart, whyNotRestarted } from '../../../src/policy/methods/restart.ts'
import { decisionFor, podSpec } from '../../support/builders.ts'

test('the signal of reload: restart is the user’s, else SIGTERM', () => {
  expect(restart.flags({ method: 'restart' })).toEqual(['--reload=restart'])
  expect(restart.describe({ method: 'restart' })).toMatch(/^SIGTERM, /)
  const { plan } = decisionFor(podSpec(), { reload: 'restart', signal: 'INT' })
  expect(plan.containers[0]?.reload).toEqual({ method: 'restart', signal: 'SIGINT' })
})

test.each(['Never', 'OnFailure'])('reload: restart with restartPolicy %s is denied', (restartPolicy) =>
  expect(decisionFor(podSpec({ restartPolicy }), { reload: 'restart' }).messages).toEqual([
    `hotreload.dev/reload: restart, but the Pod's restartPolicy is ${restartPolicy}; use reload: rollout [HR_NOT_RESTARTED]`,
  ]),
)

test('a container restarts with restartPolicy Always, which is the default; its own counts before its Pod’s', () => {
  const why = (own?: string, ofPod?: string) =>
    whyNotRestarted(
      { name: 'web', ...(own ? { restartPolicy: own } : {}) },
      podSpec(ofPod ? { restartPolicy: ofPod } : {}),
    )
  expect([why(), why(undefined, 'Always'), why('Always', 'Never')]).toEqual([undefined, undefined, undefined])
  expect(why(undefined, 'OnFailure')).toBe("the Pod's restartPolicy is OnFailure")
  expect(why('Never', 'Always')).toBe('restartPolicy of container web is Never')
})

test('reload: restart is possible where only the container restarts', () => {
  const [container = { name: '' }] = podSpec().containers
  const never = podSpec({ restartPolicy: 'Never', containers: [{ ...container, restartPolicy: 'Always' }] })
  const { plan, messages } = decisionFor(never, { reload: 'restart' })
  expect([messages, plan.containers[0]?.reload.method]).toEqual([[], 'restart'])
})
