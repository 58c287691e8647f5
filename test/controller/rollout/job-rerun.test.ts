import { expect, test } from 'vitest'
import type { ApiCall } from '../../../src/api/api.ts'
import { parseInstallKey } from '../../../src/cli/serve/install-key.ts'
import { createJobRerun } from '../../../src/controller/rollout/job-rerun.ts'
import { workload } from '../../support/builders.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { recordedApi } from '../../support/recorded-api.ts'
import { recordReport } from '../../support/report-recorder.ts'
import { changedDiff, workloadOf } from '../../support/summaries.ts'

function rerun(kind: 'Job' | 'CronJob', answer: (call: ApiCall) => number, name = 'web') {
  const parts = { kind, own: { 'reloader.stakater.com/auto': 'true' }, template: {} }
  const known = workloadOf(parts)
  const object = workload({ ...parts, metadata: { name, uid: 'u-web', resourceVersion: '7' } })
  const { api, calls } = recordedApi((call) => ({ status: answer(call), body: {} }))
  const clock = fakeClock()
  const { report, lines } = recordReport()
  const put: unknown[] = []
  const jobs = createJobRerun({
    api,
    clock,
    report,
    installKey: () => parseInstallKey('ab'.repeat(32)),
    isLeading: () => true,
    workloads: { put: (one) => put.push(one) },
    refresh: async () => object,
  })
  return {
    jobs,
    clock,
    lines,
    put,
    write: () => jobs.write(known, changedDiff(known.summary)),
    created: () =>
      calls.flatMap(({ method, body }) => (method === 'POST' ? [Object(body).metadata.name] : [])),
    called: () => calls.map(({ method, path }) => `${method} ${path.replace(/\?.*/, '')}`),
  }
}

test('a Job is deleted and recreated', async () => {
  const { write, called } = rerun('Job', ({ method }) => (method === 'POST' ? 201 : 200))
  expect(await write()).toBe('done')
  expect(called().filter((call) => call.includes('/jobs'))).toEqual([
    'POST /apis/batch/v1/namespaces/shop/jobs',
    'DELETE /apis/batch/v1/namespaces/shop/jobs/web',
    'POST /apis/batch/v1/namespaces/shop/jobs',
  ])
})

test('a Job of a long name is tried under a legal one', async () => {
  const name = `${'a'.repeat(49)}.b`
  const { write, created } = rerun('Job', ({ method }) => (method === 'POST' ? 201 : 200), name)
  await write()
  expect(created()).toEqual([`${'a'.repeat(49)}-dry-run`, name])
})

test('a Job whose namespace is gone by then is not rolled out', async () => {
  let posts = 0
  const { write } = rerun('Job', ({ method, path }) => {
    if (method !== 'POST' || !path.includes('/jobs')) return 200
    return (posts += 1) === 1 ? 201 : 404
  })
  expect(await write()).toBe('conflict')
})

test('a CronJob runs once, and the version that says so goes into the cache', async () => {
  const { write, called, put } = rerun('CronJob', ({ method }) => (method === 'POST' ? 201 : 200))
  expect(await write()).toBe('done')
  expect(called()).toEqual([
    'POST /apis/batch/v1/namespaces/shop/jobs',
    'PATCH /apis/batch/v1/namespaces/shop/cronjobs/web',
  ])
  expect(put).toMatchObject([{ kind: 'CronJob' }])
})

test('a new leader reads the records of deleted Jobs until it succeeds', async () => {
  let status = 500
  const { jobs, clock, lines, called } = rerun('Job', () => status)
  jobs.startedLeading()
  await clock.advance(6_000)
  expect(called().length).toBeGreaterThan(1)
  expect(lines[0]).toContain('records of deleted Jobs not read')
  status = 404
  await clock.advance(10_000)
  const settled = called().length
  await clock.advance(60_000)
  expect(called()).toHaveLength(settled)
})
