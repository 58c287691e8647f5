import { expect, test } from 'vitest'
import { createSourceReader } from '../../../src/controller/cache/read-source.ts'
import type { SourceKind } from '../../../src/workload/sources-in-use.ts'

/** Reads one source from a table of objects by path; a number is a status. */
function read(objects: Record<string, object | number>, kind: SourceKind, name: string) {
  const api = {
    async call({ path }: { path: string }) {
      const found = objects[path] ?? 404
      return typeof found === 'number' ? { status: found, body: {} } : { status: 200, body: found }
    },
  }
  const marksOf = () => ({ ignored: true, match: true })
  return createSourceReader(api, marksOf)({ kind, namespace: 'shop', name })
}
const metadata = {
  name: 'web',
  resourceVersion: '7',
  annotations: { 'hotreload.dev/pause': 'true', 'hotreload.dev/share-with': 'a, b,*,../c' },
}
const marks = { ignored: true, match: true }

test('a ConfigMap has content, version, marks, pause, and the namespaces that it is shared with', async () => {
  const objects = { '/api/v1/namespaces/shop/configmaps/web': { metadata, data: { a: '1' } } }
  expect(await read(objects, 'ConfigMap', 'web')).toEqual({
    content: { data: { a: '1' }, binaryData: {}, immutable: false },
    version: '7',
    marks,
    isPaused: true,
    sharedWith: new Set(['a', 'b']),
  })
})

test('a Secret’s content stays base64', async () => {
  const objects = { '/api/v1/namespaces/shop/secrets/web': { metadata, data: { a: 'MQ==' } } }
  expect(await read(objects, 'Secret', 'web')).toMatchObject({ content: { binaryData: { a: 'MQ==' } } })
})

test.each([
  [404, 'absent'],
  [403, 'forbidden'],
  [500, 'unavailable'],
])('status %i: %s, without version and marks', async (status, content) => {
  const objects = { '/api/v1/namespaces/shop/secrets/web': status }
  expect(await read(objects, 'Secret', 'web')).toEqual({
    content,
    version: '',
    marks: { ignored: false, match: false },
    isPaused: false,
    sharedWith: new Set(),
  })
})

test('no object can have an illegal name, so there is no request', async () => {
  const objects = { '/api/v1/namespaces/shop/secrets/../nodes': { metadata } }
  expect(await read(objects, 'Secret', '../nodes')).toMatchObject({ content: 'absent' })
})

const CSI = '/apis/secrets-store.csi.x-k8s.io/v1/namespaces/shop'
const providerClass = { [`${CSI}/secretproviderclasses/web`]: { metadata } }
const statuses = {
  items: [
    {
      metadata: { resourceVersion: '9' },
      status: { secretProviderClassName: 'web', objects: [{ id: 'db', version: '3' }] },
    },
  ],
}

test('a SecretProviderClass has the versions that the driver mounted, and no version of its own', async () => {
  const objects = { ...providerClass, [`${CSI}/secretproviderclasspodstatuses`]: statuses }
  expect(await read(objects, 'SecretProviderClass', 'web')).toMatchObject({
    content: { data: { db: '3' } },
    version: '',
    marks,
    isPaused: true,
  })
})

test('a SecretProviderClass is not readable without its statuses', async () => {
  const objects = { ...providerClass, [`${CSI}/secretproviderclasspodstatuses`]: 403 }
  expect(await read(objects, 'SecretProviderClass', 'web')).toMatchObject({ content: 'forbidden' })
})
