import { expect, test } from 'vitest'
import { mountedVersions, podStatusListener } from '../../../src/controller/cache/csi-statuses.ts'

const status = (providerClass: string, resourceVersion: string, ...versions: string[]) => ({
  metadata: { namespace: 'shop', name: `pod-${resourceVersion}`, resourceVersion },
  status: {
    secretProviderClassName: providerClass,
    objects: versions.map((version, index) => ({ id: `secret/${index}`, version })),
  },
})

test('the newest status of any Pod counts, by number', () => {
  const statuses = [status('db', '9', 'old'), status('db', '10', 'new', 'other'), status('other', '11', 'x')]
  expect(mountedVersions(statuses, 'db')).toEqual({
    data: { 'secret/0': 'new', 'secret/1': 'other' },
    binaryData: {},
    immutable: false,
  })
})

test('without a status, or before the driver has fetched anything, there is no content', () => {
  expect(mountedVersions([], 'db')).toBe('absent')
  expect(mountedVersions([status('db', '1')], 'db')).toBe('absent')
})

test('a changed status reports its SecretProviderClass', () => {
  const changes: unknown[] = []
  const listener = podStatusListener((source, version) => changes.push([source, version]))
  listener.changed(status('db', '7', 'new'))
  listener.changed({ metadata: { namespace: 'shop', name: 'just-created' } })
  expect(changes).toEqual([[{ kind: 'SecretProviderClass', namespace: 'shop', name: 'db' }, '7']])
})
