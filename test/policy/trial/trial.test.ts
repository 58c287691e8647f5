// When a container has a trial, and what is a mistake.
import type { V1PodSpec } from '@kubernetes/client-node'
import { describe, expect, test } from 'vitest'
import { parseDefaults } from '../../../src/policy/policy-file.ts'
import { describeTrial } from '../../../src/policy/trial/trial.ts'
import { decisionFor, nginx, podSpec } from '../../support/builders.ts'

const gated = { gate: 'publish', validate: 'nginx -t' }
const readinessProbe = { httpGet: { port: 80, path: '/healthz' } }
const probed = podSpec({ containers: [nginx({ readinessProbe })] })

function planOf(short: Record<string, string>, spec: V1PodSpec = probed) {
  const { plan, problems } = decisionFor(spec, short)
  const [own] = plan.containers
  return {
    trial: own?.gate?.trial,
    words: own?.gate?.trial && describeTrial(own.gate.trial),
    problems: problems.map(({ message }) => message),
    warnings: [...(own?.notes ?? []), ...plan.notes].filter(({ warn }) => warn).map(({ text }) => text),
  }
}

test('a gate alone has none, nor has a bake of 0s', () => {
  for (const more of [{}, { bake: '0s' }])
    expect(planOf({ ...gated, ...more })).toEqual({ trial: undefined, problems: [], warnings: [] })
})

test('with bake the readiness probe is asked, or what health says', () => {
  expect(planOf({ ...gated, bake: '60s' })).toMatchObject({
    trial: { bake: 60, health: { port: 80 } },
    words: 'on trial for 60 s, asked at GET /healthz on port 80',
    problems: [],
    warnings: [],
  })
  expect(planOf({ ...gated, bake: '1m', health: 'POST http://localhost:81/x?token=y' })).toMatchObject({
    trial: { bake: 60, health: { host: '127.0.0.1', port: 81, periodSeconds: 10, failureThreshold: 3 } },
    words: 'on trial for 60 s, asked at POST /x on port 81',
    problems: [],
  })
})

test('a probe that the agent can not ask is a warning', () => {
  const https = { httpGet: { port: 443, scheme: 'HTTPS' } }
  const { trial, words, warnings } = planOf(
    { ...gated, bake: '60s' },
    podSpec({ containers: [nginx({ readinessProbe: https })] }),
  )
  expect(trial).toEqual({ bake: 60, health: 'its readiness probe speaks HTTPS' })
  expect(words).toBe('on trial for 60 s')
  expect(warnings).toEqual([
    'container web: hotreload.dev/bake sees only that the program lives, because its readiness probe speaks HTTPS; set hotreload.dev/health',
  ])
})

test('a bake shorter than a restart may take is a warning where the program restarts', () => {
  const warningsOf = (bake: string, reload: string) => planOf({ ...gated, bake, reload }).warnings
  expect(warningsOf('29s', 'restart')).toEqual([
    'container web: hotreload.dev/bake is 29 s, but its program starts again for each edit, which may take longer; set 30s or more',
  ])
  expect([warningsOf('30s', 'restart'), warningsOf('5s', 'signal')]).toEqual([[], []])
})

test('without a probe and without shared processes the agent sees nothing, which is a warning of its own', () => {
  const short = { ...gated, bake: '60s', reload: 'none' }
  expect(planOf(short, podSpec()).warnings).toEqual([
    'container web: hotreload.dev/bake sees nothing, because it has no readiness probe; set hotreload.dev/health',
  ])
  expect(planOf(short, podSpec({ shareProcessNamespace: true })).warnings).toEqual([
    expect.stringContaining('sees only that the program lives'),
  ])
  expect(planOf(short).warnings).toEqual([])
})

test('where the Pod can have no gate, one warning says so', () => {
  const { trial, warnings } = planOf({ ...gated, bake: '60s' }, podSpec({ restartPolicy: 'Never' }))
  expect(trial).toBeUndefined()
  expect(warnings).toEqual([expect.stringContaining('no gate: its restartPolicy is Never')])
})

describe('is denied:', () => {
  const noGate =
    'hotreload.dev/bake: 60 s, but without a gate there is no content to go back to; set hotreload.dev/gate to publish or strict [HR_NO_GATE]'
  const noBake =
    'hotreload.dev/health is asked during hotreload.dev/bake only, which is 0s; set hotreload.dev/bake, e.g. to 60s [HR_NO_BAKE]'
  const health = 'http://127.0.0.1:80/'
  const asksInVain = (key: string) =>
    `hotreload.dev/health${key} is asked during a trial only, and without a gate there is none; set hotreload.dev/gate${key} to publish or strict [HR_NO_GATE]`

  test.each<[string, Record<string, string>, string[]]>([
    ['bake without a gate', { bake: '60s' }, [noGate]],
    ['bake with the gate off', { bake: '60s', gate: 'off' }, [noGate]],
    ['health without bake', { ...gated, health }, [noBake]],
    ['health alone', { health }, [noBake]],
    ['both without a gate', { bake: '60s', health }, [noGate]],
    [
      'bake of a container without a gate',
      { ...gated, 'gate.web': 'off', 'bake.web': '60s' },
      [
        'hotreload.dev/bake.web: 60 s, but without a gate there is no content to go back to; set hotreload.dev/gate.web to publish or strict [HR_NO_GATE]',
      ],
    ],
    [
      'health of a container without a gate',
      { ...gated, bake: '60s', 'gate.web': 'off', 'health.web': health },
      [asksInVain('.web')],
    ],
  ])('%s', (_, short, problems) => expect(planOf(short).problems).toEqual(problems))

  test('health without a gate, where the policy file has a bake', () => {
    const defaults = parseDefaults('defaults: {bake: 60s}')
    const { problems } = decisionFor(probed, { health }, { defaults })
    expect(problems.map(({ message }) => message)).toEqual([asksInVain('')])
  })
})

test('a bake for all needs one gate, and one of the policy file needs none', () => {
  const both = podSpec({ containers: [nginx(), nginx({ name: 'other' })] })
  const short = { 'gate.web': 'publish', 'validate.web': 'nginx -t', bake: '60s' }
  expect(planOf(short, both)).toMatchObject({ trial: { bake: 60 }, problems: [] })
  const defaults = parseDefaults('defaults: {bake: 60s}')
  expect(decisionFor(probed, {}, { defaults }).problems).toEqual([])
  expect(decisionFor(probed, gated, { defaults }).plan.containers[0]?.gate?.trial?.bake).toBe(60)
  expect(() => parseDefaults('defaults: {health: "http://127.0.0.1:80/"}')).toThrow(
    'defaults.health is not an annotation that can have a default',
  )
})
