// The flags of a trial, and the variable for the Pod's address.
import type { V1Container } from '@kubernetes/client-node'
import { expect, test } from 'vitest'
import { injectedPod, keys, nginx, pod, podSpec } from '../support/builders.ts'

const gate = { gate: 'publish', validate: 'nginx -t' }
const readinessProbe = { httpGet: { port: 80, path: '/$(A)' }, timeoutSeconds: 2 }

/** The containers of the gate and of the agent, with their flags of a trial and their variables. */
function added(short: Record<string, string>, container: Partial<V1Container> = {}) {
  const made = injectedPod(pod(podSpec({ containers: [nginx(container)] }), keys({ ...gate, ...short })))
  const { initContainers = [] } = made.spec as { initContainers?: V1Container[] }
  return ['hotreload-gate-web', 'hotreload-agent'].map((name) => {
    const { args = [], env } = initContainers.find((one) => one.name === name) ?? {}
    return { flags: args.filter((arg) => /^--(bake|health)/.test(arg)), env }
  })
}

const POD_IP = { name: 'HOTRELOAD_POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }

test('a gate without a trial has neither', () =>
  expect(added({}, { readinessProbe })).toEqual([
    { flags: [], env: undefined },
    { flags: [], env: undefined },
  ]))

test('a probe is asked at the Pod’s address, which the kubelet puts in place of a variable', () => {
  const flags = [
    '--bake=60000ms',
    '--health=http://$(HOTRELOAD_POD_IP):80/$$(A)',
    '--health-timeout=2000ms',
    '--health-period=10000ms',
    '--health-failures=3',
  ]
  const env = [{ name: 'TZ', value: 'UTC' }]
  for (const one of added({ bake: '60s' }, { readinessProbe, env }))
    expect(one).toEqual({ flags, env: [...env, POD_IP] })
})

test('a TCP port, headers and a user’s URL have their own forms', () => {
  const health = (short: Record<string, string>, probe: V1Container['readinessProbe']) =>
    added({ bake: '1.5s', ...short }, probe ? { readinessProbe: probe } : {})[1]
  expect(health({}, { tcpSocket: { port: 81 }, failureThreshold: 1 })).toMatchObject({
    flags: [
      '--bake=1500ms',
      '--health=tcp://$(HOTRELOAD_POD_IP):81',
      expect.any(String),
      expect.any(String),
      '--health-failures=1',
    ],
    env: [POD_IP],
  })
  const httpHeaders = [
    { name: 'Host', value: '$shop' },
    { name: 'X', value: '1' },
  ]
  expect(health({}, { httpGet: { port: 81, httpHeaders } })?.flags).toEqual(
    expect.arrayContaining(['--health-header=Host: $$shop', '--health-header=X: 1']),
  )
  expect(health({ health: 'POST http://[::1]:82/x' }, undefined)).toMatchObject({
    flags: expect.arrayContaining(['--health=POST http://::1:82/x']),
    env: undefined,
  })
})

test('without anything to ask there is only the time', () =>
  expect(added({ bake: '60s' })[1]).toEqual({ flags: ['--bake=60000ms'], env: undefined }))

test('an approval in a Pod template is not the user’s word on what a Pod holds', () => {
  const made = injectedPod(pod(podSpec(), keys({ ...gate, approve: `conf@${'a'.repeat(64)}` })))
  expect(made.metadata?.annotations).not.toHaveProperty(['hotreload.dev/approve'])
  expect(made.metadata?.annotations).toHaveProperty(['hotreload.dev/status'])
})
