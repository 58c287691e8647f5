import { expect, test } from 'vitest'
import { decisionFor, nginx, podSpec } from '../../support/builders.ts'

const handler = { exec: { command: ['/bin/sh', '-c', 'kill -QUIT 1'] } }

test('processes are shared although a hook kills PID 1, with a warning that it misses the program', () => {
  const spec = podSpec({ containers: [nginx({ lifecycle: { preStop: handler } })] })
  const { plan, notes } = decisionFor(spec)
  expect(plan.shareProcessNamespace).toBe(true)
  expect(notes).toEqual([
    'container web: preStop runs `kill … 1`, which misses the program once processes are shared; use pkill',
  ])
})

test.each([
  [['kill', '-TERM', '1'], true],
  [['sh', '-c', 'kill 1; sleep 1'], true],
  [['sh', '-c', 'kill 17'], false],
  [['sh', '-c', 'skill 1'], false],
  [['sh', '-c', 'kill -HUP "$(cat pid)"; sleep 1'], false],
])('the command %j gets a warning: %s', (command, warned) => {
  const spec = podSpec({ containers: [nginx({ livenessProbe: { exec: { command } } })] })
  expect(decisionFor(spec).notes.length).toBe(warned ? 1 : 0)
})

test('a native sidecar is in the same namespace', () => {
  const sidecar = nginx({ name: 'side', image: 'proxy', restartPolicy: 'Always', volumeMounts: [] })
  const withHook = podSpec({ initContainers: [{ ...sidecar, lifecycle: { preStop: handler } }] })
  expect(decisionFor(withHook).notes).toEqual([
    'container side: preStop runs `kill … 1`, which misses the program once processes are shared; use pkill',
  ])
  const withInit = podSpec({ initContainers: [{ ...sidecar, image: 'ghcr.io/linuxserver/wireguard' }] })
  const { plan, notes } = decisionFor(withInit)
  expect(plan.shareProcessNamespace).toBe(false)
  expect(notes).toEqual([
    "container side: the image's /init must be PID 1, so processes are not shared; use hotreload.dev/url or reload: probe",
  ])
})

test('a Pod that shares its processes already gets no warning about its hooks', () => {
  const spec = podSpec({
    shareProcessNamespace: true,
    containers: [nginx({ lifecycle: { preStop: handler } })],
  })
  expect(decisionFor(spec).notes).toEqual([])
})
