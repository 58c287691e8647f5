import type { V1ResourceRequirements } from '@kubernetes/client-node'
import { describe, expect, test } from 'vitest'
import { agentResources, initResources, isGuaranteed } from '../../src/inject/resources.ts'
import type { Policy } from '../../src/policy/policy.ts'
import { nginx, podSpec } from '../support/builders.ts'

const nothing: Policy = { shared: {}, byContainer: new Map() }
const withResources = (...each: (V1ResourceRequirements | undefined)[]) =>
  podSpec({
    containers: each.map((resources, index) =>
      nginx({ name: `c${index}`, ...(resources ? { resources } : {}) }),
    ),
  })
const agent = (...each: (V1ResourceRequirements | undefined)[]) =>
  agentResources(withResources(...each), nothing)

describe('the agent’s resources', () => {
  test('are small requests and a memory limit', () =>
    expect(agent(undefined)).toEqual({ requests: { cpu: '1m', memory: '4Mi' }, limits: { memory: '16Mi' } }))

  test('have a limit for each resource that some container limits, as a quota may require', () =>
    expect(agent(undefined, { limits: { cpu: '1' } })).toEqual({
      requests: { cpu: '1m', memory: '4Mi' },
      limits: { cpu: '100m', memory: '16Mi' },
    }))

  test('include ephemeral storage if a container names it', () =>
    expect(
      agent({ requests: { 'ephemeral-storage': '1Gi' }, limits: { 'ephemeral-storage': '2Gi' } }),
    ).toEqual({
      requests: { cpu: '1m', memory: '4Mi', 'ephemeral-storage': '1Mi' },
      limits: { memory: '16Mi', 'ephemeral-storage': '16Mi' },
    }))

  test('keep a Guaranteed Pod Guaranteed', () => {
    const quantities = { cpu: '10m', memory: '16Mi' }
    expect(agent({ limits: { cpu: '1', memory: '1Gi' } })).toEqual({
      requests: quantities,
      limits: quantities,
    })
  })

  test('equal those of the app, without devices, if the agent runs the app’s programs', () => {
    const target = (limits: Record<string, string>) => nginx({ resources: { limits } })
    const of = (limits: Record<string, string>) =>
      agentResources(
        podSpec({ containers: [target(limits), nginx({ name: 'other' })] }),
        nothing,
        target(limits),
      )
    expect(of({ cpu: '2', memory: '8Gi', 'ephemeral-storage': '1Gi', 'nvidia.com/gpu': '1' })).toEqual({
      requests: { cpu: '1m', memory: '4Mi', 'ephemeral-storage': '1Mi' },
      limits: { cpu: '2', memory: '8Gi', 'ephemeral-storage': '1Gi' },
    })
    expect(of({ memory: '2M', cpu: '500u' })).toEqual({
      requests: { cpu: '500u', memory: '2M' },
      limits: { memory: '2M', cpu: '500u' },
    })
    expect(of({})).toEqual({ requests: { cpu: '1m', memory: '4Mi' } })
  })

  test('are those of the annotation', () => {
    const resources = { limits: { memory: '64Mi' } }
    expect(agentResources(withResources({}), { ...nothing, shared: { resources } })).toEqual(resources)
  })

  test('are absent if the Pod has resources as a whole', () =>
    expect(agentResources({ ...podSpec(), resources: { limits: { cpu: '1' } } }, nothing)).toBeUndefined())
})

describe('isGuaranteed', () => {
  const full = { cpu: '1', memory: '1Gi' }
  test.each<[what: string, resources: V1ResourceRequirements, is: boolean]>([
    ['limits alone', { limits: full }, true],
    ['equal requests', { limits: full, requests: full }, true],
    ['equal requests in another form', { limits: full, requests: { cpu: '1000m', memory: '1024Mi' } }, true],
    [
      'equal requests as a number',
      { limits: full, requests: JSON.parse('{"cpu":1,"memory":1073741824}') },
      true,
    ],
    ['an exponent', { limits: { cpu: '1', memory: '1e9' }, requests: { memory: '1G' } }, true],
    ['smaller requests', { limits: full, requests: { cpu: '100m' } }, false],
    ['no memory limit', { limits: { cpu: '1' }, requests: full }, false],
    ['requests alone', { requests: full }, false],
    [
      'text that is not a quantity',
      { limits: { cpu: 'one', memory: '1Gi' }, requests: { cpu: 'one' } },
      false,
    ],
  ])('%s: %s', (_, resources, is) => expect(isGuaranteed(withResources(resources))).toBe(is))

  test('every container counts, init containers included', () => {
    expect(isGuaranteed(withResources({ limits: full }, undefined))).toBe(false)
    const spec = withResources({ limits: full })
    expect(isGuaranteed({ ...spec, initContainers: [nginx({ name: 'init' })] })).toBe(false)
  })
})

test('containers that run once have the app’s quantities, which cost the Pod nothing, but not its devices', () => {
  const resources = { requests: { cpu: '1' }, limits: { cpu: '2' }, claims: [{ name: 'gpu' }] }
  expect(initResources(nginx({ resources }), podSpec())).toEqual({
    resources: { requests: { cpu: '1' }, limits: { cpu: '2' } },
  })
  expect(initResources(nginx(), podSpec())).toEqual({})
  expect(initResources(nginx({ resources }), { ...podSpec(), resources: {} })).toEqual({})
})
