import type { V1PodSpec } from '@kubernetes/client-node'
import { describe, expect, test } from 'vitest'
import { unsuitable } from '../../src/policy/decide.ts'
import { decisionFor, nginx, podSpec } from '../support/builders.ts'

const api = nginx({ name: 'api', image: 'example.org/api:1' })
const both = (change: Partial<V1PodSpec> = {}) => podSpec({ containers: [nginx(), api], ...change })

const agents = (spec: V1PodSpec, short: Record<string, string> = {}) =>
  decisionFor(spec, short)
    .plan.containers.filter(({ agent }) => agent)
    .map(({ container }) => container.name)

describe('a Pod is injected', () => {
  test('if it has a known program with a ConfigMap', () => {
    expect(decisionFor(podSpec()).skip).toBeUndefined()
    expect(agents(podSpec())).toEqual(['web'])
  })

  test.each<[why: string, spec: V1PodSpec, short: Record<string, string>, skip: string]>([
    ['inject: "false"', podSpec(), { inject: 'false' }, 'notRequested'],
    ['a program that nobody knows', podSpec({ containers: [api] }), {}, 'nothingToWatch'],
    [
      'no volume at all',
      podSpec({ volumes: [], containers: [nginx({ volumeMounts: [] })] }),
      {},
      'nothingToWatch',
    ],
    [
      'a volume that nobody mounts',
      podSpec({ containers: [nginx({ volumeMounts: [] })] }),
      {},
      'nothingToWatch',
    ],
    ['a program that watches by itself', podSpec(), { reload: 'none' }, 'nothingToWatch'],
    ['reload: rollout', podSpec(), { reload: 'rollout' }, 'nothingToWatch'],
    [
      'a volume that holds no configuration',
      podSpec({ volumes: [{ name: 'conf', emptyDir: {} }] }),
      {},
      'nothingToWatch',
    ],
    ['mistakes', podSpec(), { container: 'wep' }, 'invalid'],
    ['processes of the node', podSpec({ hostPID: true }), {}, 'hostPID'],
    ['Windows', podSpec({ os: { name: 'windows' } }), {}, 'windows'],
    ['a node of Windows', podSpec({ nodeSelector: { 'kubernetes.io/os': 'windows' } }), {}, 'windows'],
    [
      'only ServiceAccount admission’s volume',
      podSpec({
        volumes: [
          {
            name: 'kube-api-access-x7k2p',
            projected: { sources: [{ configMap: { name: 'kube-root-ca.crt' } }] },
          },
        ],
        containers: [
          nginx({ volumeMounts: [{ name: 'kube-api-access-x7k2p', mountPath: '/var/run/secrets' }] }),
        ],
      }),
      {},
      'nothingToWatch',
    ],
    [
      'only a token that the chart mounts itself',
      podSpec({
        volumes: [
          {
            name: 'access',
            projected: {
              sources: [
                { serviceAccountToken: { path: 'token' } },
                { configMap: { name: 'kube-root-ca.crt' } },
              ],
            },
          },
        ],
        containers: [nginx({ volumeMounts: [{ name: 'access', mountPath: '/var/run/secrets' }] })],
      }),
      {},
      'nothingToWatch',
    ],
  ])('but not with %s', (_, spec, short, skip) => expect(decisionFor(spec, short).skip).toBe(skip))

  test('but not if it is a mirror Pod, which belongs to the kubelet', () =>
    expect(unsuitable({ metadata: { annotations: { 'kubernetes.io/config.mirror': '' } } })).toBe(
      'mirrorPod',
    ))
})

describe('an agent serves', () => {
  test('each container that mounts configuration and has a known reload method', () => {
    const apart = podSpec({
      containers: [nginx(), { ...api, volumeMounts: [{ name: 'own', mountPath: '/etc/api' }] }],
      volumes: ['conf', 'own'].map((name) => ({ name, configMap: { name } })),
    })
    expect(agents(apart)).toEqual(['web'])
    expect(agents(both(), { 'signal.api': 'HUP' })).toEqual(['web', 'api'])
    expect(agents(both(), { container: 'api', signal: 'HUP' })).toEqual(['api'])
  })
})
