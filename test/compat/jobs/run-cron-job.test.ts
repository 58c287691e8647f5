import { expect, test } from 'vitest'
import type { ApiCall } from '../../../src/api/api.ts'
import { runCronJob } from '../../../src/compat/jobs/run-cron-job.ts'
import { defaultCompatOptions } from '../../../src/compat/request/options.ts'
import { summarize } from '../../../src/controller/decide/workload-summary.ts'
import { builtInDefaults } from '../../../src/policy/defaults.ts'
import { workload } from '../../support/builders.ts'

const cronJob = workload({
  kind: 'CronJob',
  metadata: { uid: 'u', resourceVersion: '1', annotations: { 'reloader.stakater.com/auto': 'true' } },
})
const summary =
  summarize(cronJob, { defaults: builtInDefaults, compat: defaultCompatOptions }) ?? expect.fail('no request')

/** An API server that refuses the Job with 409 for this reason. */
function refusing(reason: string) {
  const calls: ApiCall['method'][] = []
  const api = {
    namespace: 'hotreload-system',
    async call({ method }: ApiCall) {
      calls.push(method)
      return method === 'POST' ? { status: 409, body: { reason } } : { status: 200, body: cronJob }
    },
  }
  return { api, calls }
}

test('a Job that an earlier attempt made is not made twice', async () => {
  const { api, calls } = refusing('AlreadyExists')
  expect(await runCronJob(api, summary, cronJob, '{}')).toEqual(cronJob)
  expect(calls).toEqual(['POST', 'PATCH'])
})

test('a Job that a quota’s conflict kept from being made is not written down as made', async () => {
  const { api, calls } = refusing('Conflict')
  await expect(runCronJob(api, summary, cronJob, '{}')).rejects.toThrow('409')
  expect(calls).toEqual(['POST'])
})
