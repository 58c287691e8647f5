import { beforeEach, expect, test } from 'vitest'
import type { Api, ApiCall } from '../../src/api/api.ts'
import { readKeys, writeKeys } from '../../src/api/own-config-map.ts'

const PATH = '/api/v1/namespaces/hotreload-system/configmaps'
let statuses: Partial<Record<ApiCall['method'], number>>
let calls: ApiCall[]
beforeEach(() => {
  statuses = { GET: 200, PATCH: 200, POST: 201 }
  calls = []
})
const api: Api = {
  namespace: 'hotreload-system',
  async call(call) {
    calls.push(call)
    return { status: statuses[call.method] ?? 500, body: { data: { a: '1' } } }
  },
}

test('reads the data; a missing ConfigMap has none', async () => {
  expect(await readKeys(api, 'state')).toEqual({ a: '1' })
  statuses.GET = 404
  expect(await readKeys(api, 'state')).toEqual({})
  statuses.GET = 403
  await expect(readKeys(api, 'state')).rejects.toThrow(`GET ${PATH}/state: 403`)
})

test('writes keys by a merge patch', async () => {
  await writeKeys(api, 'state', 'jobs', { a: '2', b: null })
  expect(calls).toEqual([
    {
      method: 'PATCH',
      path: `${PATH}/state`,
      body: { data: { a: '2', b: null } },
      contentType: 'application/merge-patch+json',
    },
  ])
})

test('creates a missing ConfigMap with its label, and without removed keys', async () => {
  statuses.PATCH = 404
  await writeKeys(api, 'state', 'jobs', { a: '2' }, () => ({ a: '2', b: null, c: '3' }))
  expect(calls[1]).toMatchObject({
    method: 'POST',
    path: PATH,
    body: { metadata: { name: 'state', labels: { 'hotreload.dev/part': 'jobs' } }, data: { a: '2', c: '3' } },
  })
  statuses.POST = 409
  await expect(writeKeys(api, 'state', 'jobs', {})).rejects.toThrow(`POST ${PATH}: 409`)
})
