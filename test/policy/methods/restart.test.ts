import { expect, test } from 'vitest'
import { isRestarted, restart } from '../../../src/policy/methods/restart.ts'
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

test('a container restarts with restartPolicy Always, which is the default', () => {
  expect(isRestarted(podSpec())).toBe(true)
  expect(isRestarted(podSpec({ restartPolicy: 'Always' }))).toBe(true)
  expect(isRestarted(podSpec({ restartPolicy: 'OnFailure' }))).toBe(false)
})
