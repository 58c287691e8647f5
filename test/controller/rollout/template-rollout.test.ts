import { expect, test } from 'vitest'
import type { ApiCall } from '../../../src/api/api.ts'
import { defaultCompatOptions } from '../../../src/compat/request/options.ts'
import { createTemplateRollout } from '../../../src/controller/rollout/template-rollout.ts'
import type { ApiObject } from '../../../src/workload/pod-template.ts'
import { workload } from '../../support/builders.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { recordedApi } from '../../support/recorded-api.ts'
import { changedDiff, workloadOf } from '../../support/summaries.ts'

const AUTO = { 'reloader.stakater.com/auto': 'true' }

async function rollOut(known: ReturnType<typeof workloadOf>, status = 200, live?: ApiObject) {
  const { api, calls } = recordedApi(() => ({ status, body: { metadata: { resourceVersion: '8' } } }))
  const put: ApiObject[] = []
  let refreshed = 0
  const write = createTemplateRollout({
    api,
    clock: fakeClock(0),
    compat: defaultCompatOptions,
    workloads: { put: (object) => put.push(object) },
    async refresh() {
      refreshed += 1
      return live
    },
  })
  const outcome = await write(known, changedDiff(known.summary))
  return { outcome, calls, put, refreshed }
}
const bodyOf = ([call]: ApiCall[]) => Object(call?.body)

test('the checksums are applied under our field manager, and the answer goes into the cache', async () => {
  const { outcome, calls, put, refreshed } = await rollOut(workloadOf())
  expect(outcome).toBe('done')
  expect(calls.map(({ method, path }) => `${method} ${path}`)).toEqual([
    'PATCH /apis/apps/v1/namespaces/shop/deployments/web?fieldManager=hotreload-controller&force=true',
  ])
  expect(bodyOf(calls).spec.template.metadata.annotations).toEqual({
    'hotreload.dev/checksum': '{"ConfigMap/web":"new"}',
  })
  expect(put).toMatchObject([{ apiVersion: 'apps/v1', kind: 'Deployment' }])
  expect(refreshed).toBe(0)
})

test.each([404, 409])('%d: the workload is read again, and nothing counts as done', async (status) => {
  const { outcome, put, refreshed } = await rollOut(workloadOf(), status)
  expect([outcome, put, refreshed]).toEqual(['conflict', [], 1])
})

test('any other status is an error', async () =>
  await expect(rollOut(workloadOf(), 500)).rejects.toThrow('500'))

test('another tool’s fields are written with the whole object at hand', async () => {
  const object = workload({ own: AUTO })
  const { outcome, calls, refreshed } = await rollOut(workloadOf({ own: AUTO, template: {} }), 200, object)
  expect([outcome, refreshed]).toEqual(['done', 1])
  expect(bodyOf(calls).metadata.annotations).toEqual({ 'hotreload.dev/checksum': '{"ConfigMap/web":"new"}' })
  expect(JSON.stringify(bodyOf(calls).spec.template)).toContain('STAKATER_WEB_CONFIGMAP')
})

test('nothing is written for another tool where the workload has changed meanwhile', async () => {
  const { outcome, calls } = await rollOut(workloadOf({ own: AUTO, template: {} }))
  expect([outcome, calls]).toEqual(['conflict', []])
})
