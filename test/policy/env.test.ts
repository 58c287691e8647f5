import type { V1Container, V1PodSpec } from '@kubernetes/client-node'
import { describe, expect, test } from 'vitest'
import { hasVariables } from '../../src/policy/env.ts'
import { decisionFor, nginx, podSpec } from '../support/builders.ts'

const variable = (name: string, key: string, optional?: boolean) => ({
  name: key,
  valueFrom: { configMapKeyRef: { name, key, ...(optional === undefined ? {} : { optional }) } },
})

function planned(container: Partial<V1Container>, spec: Partial<V1PodSpec> = {}, reload = 'http') {
  const short = { url: 'http://127.0.0.1:1/', reload, env: 'restart' }
  const containers = [nginx({ command: ['nginx'], ...container })]
  const { plan, messages, notes } = decisionFor(podSpec({ containers, ...spec }), short)
  return { env: plan.containers[0]?.env, messages, notes }
}

describe('env: restart', () => {
  test('restarts the container for the keys in use of each source', () =>
    expect(planned({ env: [variable('a', 'x'), variable('a', 'b'), variable('c', 'd')] }).env).toEqual([
      { kind: 'ConfigMap', name: 'a', keys: ['b', 'x'], optional: false },
      { kind: 'ConfigMap', name: 'c', keys: ['d'], optional: false },
    ]))

  test('restarts the container for every key of envFrom', () => {
    const { env } = planned({ envFrom: [{ secretRef: { name: 's', optional: true } }] })
    expect(env).toEqual([{ kind: 'Secret', name: 's', optional: true }])
  })

  test('lets the agent start without a source that one variable can do without', () =>
    expect(planned({ env: [variable('a', 'x', true), variable('a', 'y')] }).env).toEqual([
      { kind: 'ConfigMap', name: 'a', keys: ['x', 'y'], optional: true },
    ]))

  test('changes nothing for a container without variables', () => expect(planned({}).env).toEqual([]))

  test('is denied if the Pod does not restart containers', () =>
    expect(planned({ env: [variable('a', 'x')] }, { restartPolicy: 'Never' }).messages).toEqual([
      "hotreload.dev/env: restart, but the Pod's restartPolicy is Never; use env: rollout or env: ignore [HR_NOT_RESTARTED]",
    ]))

  test('is denied with reload: supervise, where the container stays', () =>
    expect(planned({ env: [variable('a', 'x')] }, {}, 'supervise').messages).toEqual([
      'hotreload.dev/env: restart, but with reload: supervise container web itself stays, and its variables with it; use env: rollout or reload: restart [HR_TWO_WAYS]',
    ]))

  test('rolls out with a note if processes can’t be shared', () => {
    const { env, notes } = planned({ env: [variable('a', 'x')] }, { shareProcessNamespace: false })
    expect(env).toEqual([])
    expect(notes).toEqual([
      'container web: take shareProcessNamespace: false away; without shared processes no signal reaches it',
    ])
  })
})

test.each<[container: Partial<V1Container>, has: boolean]>([
  [{}, false],
  [{ env: [{ name: 'A', value: 'b' }] }, false],
  [{ env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }] }, false],
  [{ env: [variable('a', 'x')] }, true],
  [{ envFrom: [{ configMapRef: { name: 'a' } }] }, true],
])('%j has variables from a ConfigMap or Secret: %s', (container, has) =>
  expect(hasVariables(nginx(container))).toBe(has),
)
