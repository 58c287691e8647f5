import { expect, test } from 'vitest'
import { jobNow, newJob } from '../../../src/compat/jobs/job-manifests.ts'
import { isLegalName } from '../../../src/workload/object-name.ts'

test('a CronJob’s Job: the same name for the same state, as kubectl would create it', () => {
  const cronJob = {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name: 'report', namespace: 'shop', uid: 'u' },
    spec: { jobTemplate: { metadata: { labels: { a: 'b' } }, spec: { template: {} } } },
  }
  const job = jobNow(cronJob, '{}')
  expect(job).toMatchObject({
    metadata: {
      labels: { a: 'b' },
      annotations: { 'cronjob.kubernetes.io/instantiate': 'manual' },
      ownerReferences: [{ kind: 'CronJob', name: 'report', uid: 'u', controller: true }],
    },
    spec: { template: {} },
  })
  expect(jobNow(cronJob, '{}').metadata?.name).toBe(job.metadata?.name)
  expect(jobNow(cronJob, '{"a":"b"}').metadata?.name).not.toBe(job.metadata?.name)
  const long = jobNow({ ...cronJob, metadata: { name: `${'a'.repeat(50)}.b` } }, '{}').metadata?.name ?? ''
  expect(isLegalName(long)).toBe(true)
})

test('a recreated Job is the Job without what the API server added', () => {
  const labels = {
    app: 'x',
    'controller-uid': 'u',
    'batch.kubernetes.io/controller-uid': 'u',
    'job-name': 'j',
    'batch.kubernetes.io/job-name': 'j',
  }
  const job = {
    metadata: { name: 'j', namespace: 'shop', uid: 'u', resourceVersion: '7', labels },
    spec: {
      backoffLimit: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [] } },
    },
    status: { active: 1 },
  }
  expect(newJob(job, '{}')).toEqual({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: 'j',
      namespace: 'shop',
      labels: { app: 'x' },
      annotations: { 'hotreload.dev/checksum': '{}' },
    },
    spec: { backoffLimit: 1, template: { metadata: { labels: { app: 'x' } }, spec: { containers: [] } } },
  })
})
