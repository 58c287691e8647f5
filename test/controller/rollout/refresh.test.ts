import { expect, test } from 'vitest'
import { createRefresh } from '../../../src/controller/rollout/refresh.ts'
import { recordedApi } from '../../support/recorded-api.ts'
import { workloadOf } from '../../support/summaries.ts'

async function refresh(status: number, resourceVersion?: string) {
  const { api, calls } = recordedApi(() => ({ status, body: { metadata: { name: 'web', resourceVersion } } }))
  const changes: string[] = []
  const object = await createRefresh(api, {
    put: ({ metadata }) => changes.push(`put ${metadata?.resourceVersion}`),
    remove: ({ name }) => changes.push(`remove ${name}`),
  })(workloadOf())
  expect(calls.map(({ path }) => path)).toEqual(['/apis/apps/v1/namespaces/shop/deployments/web'])
  return { object, changes }
}

test('the version that the cache has is returned, with its kind', async () => {
  const { object, changes } = await refresh(200, '7')
  expect(object).toMatchObject({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' } })
  expect(changes).toEqual([])
})

test('another version goes into the cache', async () =>
  expect(await refresh(200, '8')).toEqual({ object: undefined, changes: ['put 8'] }))

test('a deleted workload leaves the cache', async () =>
  expect(await refresh(404)).toEqual({ object: undefined, changes: ['remove web'] }))

test('any other status is an error', async () => await expect(refresh(500)).rejects.toThrow('500'))
