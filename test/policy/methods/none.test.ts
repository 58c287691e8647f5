import { expect, test } from 'vitest'
import { decisionFor, nginx, podSpec } from '../../support/builders.ts'

test('reload: none needs an agent only for subPath mounts', () => {
  const volumeMounts = [{ name: 'conf', mountPath: '/etc/app/a.conf', subPath: 'a.conf' }]
  const agentOf = (container = nginx()) =>
    decisionFor(podSpec({ containers: [container] }), { reload: 'none' }).plan.containers[0]?.agent
  expect(agentOf()).toBe(false)
  expect(agentOf(nginx({ volumeMounts }))).toBe(true)
})
