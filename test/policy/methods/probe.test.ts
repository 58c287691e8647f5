import { expect, test } from 'vitest'
import { decisionFor, nginx, podSpec } from '../../support/builders.ts'

test('reload: probe forwards the user’s probe', () => {
  const livenessProbe = { tcpSocket: { port: 80 } }
  const { plan } = decisionFor(podSpec({ containers: [nginx({ livenessProbe })] }), { reload: 'probe' })
  expect(plan.containers[0]?.reload).toEqual({ method: 'probe', forward: { port: 80 } })
})

test('reload: probe needs a restart of the container', () =>
  expect(decisionFor(podSpec({ restartPolicy: 'Never' }), { reload: 'probe' }).messages).toEqual([
    "hotreload.dev/reload: probe can't stand in for container web: the Pod's restartPolicy is Never; use an httpGet or tcpSocket livenessProbe on its own port, or reload: restart [HR_PROBE]",
  ]))

test('reload: probe can’t replace an exec probe', () => {
  const livenessProbe = { exec: { command: ['true'] } }
  const spec = podSpec({ containers: [nginx({ livenessProbe })] })
  expect(decisionFor(spec, { reload: 'probe' }).messages[0]).toMatch(
    /^hotreload\.dev\/reload: probe can't stand in for container web: its livenessProbe is an exec probe;/,
  )
})
