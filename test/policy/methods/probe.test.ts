import type { V1PodSpec } from '@kubernetes/client-node'
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

// PID 1 is the sandbox's then, and older than every change: the container would be restarted for ever.
test.each<[how: string, fields: Partial<V1PodSpec>, other: Record<string, string>]>([
  ['the user shares them', { shareProcessNamespace: true }, {}],
  ['another container needs a signal', {}, { 'signal.side': 'HUP', 'reload.side': 'signal' }],
  [
    'variables restart a container',
    { containers: [nginx({ envFrom: [{ configMapRef: { name: 'e' } }] })] },
    { env: 'restart' },
  ],
])('reload: probe needs processes that are not shared: %s', (_, fields, other) => {
  const containers = [nginx(), nginx({ name: 'side' })]
  expect(
    decisionFor(podSpec({ containers, ...fields }), { 'reload.web': 'probe', ...other }).messages,
  ).toEqual([
    "hotreload.dev/reload: probe can't stand in for container web: the Pod shares its processes; use reload: restart, or share no processes [HR_PROBE]",
  ])
})
