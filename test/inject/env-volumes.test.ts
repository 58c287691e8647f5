import type { V1Container } from '@kubernetes/client-node'
import { expect, test } from 'vitest'
import { envVolumes } from '../../src/inject/env-volumes.ts'
import { decisionFor, nginx, podSpec } from '../support/builders.ts'

function volumesFor(container: Partial<V1Container>) {
  const [plan] = decisionFor(podSpec({ containers: [nginx(container)] }), { env: 'restart' }).plan.containers
  return plan ? envVolumes(plan) : []
}

test('the agent’s volume holds only the keys that are variables', () => {
  const env = [{ name: 'A', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } }]
  expect(volumesFor({ env })).toEqual([
    {
      name: 'hotreload-env-web-secret-db',
      mounted: {
        name: 'hotreload-env-web-secret-db',
        secret: { secretName: 'db', items: [{ key: 'password', path: 'password' }] },
      },
      isSecret: true,
      isOptional: false,
      ignored: [],
    },
  ])
})

test('the agent’s volume holds every key for envFrom, and is optional as envFrom is', () =>
  expect(volumesFor({ envFrom: [{ configMapRef: { name: 'env', optional: true } }] })).toMatchObject([
    {
      mounted: { name: 'hotreload-env-web-configmap-env', configMap: { name: 'env', optional: true } },
      isSecret: false,
      isOptional: true,
    },
  ]))
