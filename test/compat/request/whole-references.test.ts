import { expect, test } from 'vitest'
import { wholeReferences } from '../../../src/compat/request/whole-references.ts'

const app = { name: 'app', image: 'x' }

test('an object counts once, with all of its keys, and is optional only where every reference is', () => {
  const configMap = (key: string, optional: boolean) => ({
    name: key,
    valueFrom: { configMapKeyRef: { name: 'conf', key, optional } },
  })
  const found = wholeReferences(
    { containers: [{ ...app, env: [configMap('a', true), configMap('b', false)] }] },
    'shop',
  )
  expect(found).toEqual([{ kind: 'ConfigMap', namespace: 'shop', name: 'conf', optional: false }])
})

test('a SecretProviderClass counts where a container mounts its volume', () => {
  const volume = (name: string) => ({
    name,
    csi: { driver: 'secrets-store.csi.k8s.io', volumeAttributes: { secretProviderClass: `${name}-class` } },
  })
  const found = wholeReferences(
    {
      containers: [{ ...app, volumeMounts: [{ name: 'mounted', mountPath: '/x' }] }],
      volumes: [volume('mounted'), volume('spare')],
    },
    'shop',
  )
  expect(found.map(({ name }) => name)).toEqual(['mounted-class'])
})
