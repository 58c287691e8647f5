import { expect, test } from 'vitest'
import { jobNow, newJob } from '../../src/compat/jobs/job-manifests.ts'
import { defaultCompatOptions } from '../../src/compat/options.ts'
import { reloaderRequest } from '../../src/compat/reloader/reloader.ts'
import { waveRequest } from '../../src/compat/wave/wave.ts'
import { envName, writtenBack } from '../../src/compat/write-back.ts'
import { deployment } from '../support/controller.ts'

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5)
const source = { kind: 'ConfigMap', namespace: 'shop', name: 'app.conf', hash: 'abc' } as const
const checksum = new Map([['ConfigMap/app.conf', 'abc']])
const auto = { 'reloader.stakater.com/auto': 'true' }

function written(web: ReturnType<typeof deployment>, strategy: 'env-vars' | 'annotations') {
  const wish = reloaderRequest(web, defaultCompatOptions) ?? waveRequest(web)
  if (!wish) throw new Error('the workload asks for nothing')
  return writtenBack(web, wish, [source], checksum, { strategy }, NOW)
}

test.each([
  ['app-config', 'STAKATER_APP_CONFIG_CONFIGMAP'],
  ['app.conf--2', 'STAKATER_APP_CONF_2_CONFIGMAP'],
  ['1st', 'STAKATER_1ST_CONFIGMAP'],
])('the variable of %s is %s', (name, expected) => {
  expect(envName({ kind: 'ConfigMap', name })).toBe(expected)
})

test('env-vars: on the container that uses it, beside those of earlier rollouts', () => {
  const web = deployment('web', { metadata: auto, env: ['app.conf'] })
  const containers = web.spec.template.spec.containers
  containers.unshift({ ...containers[0], name: 'proxy', envFrom: [] } as never)
  Object.assign(containers[0] ?? {}, {
    env: [
      { name: 'STAKATER_OLD_SECRET', value: '1' },
      { name: 'MINE', value: 'x' },
    ],
  })
  expect(written(web, 'env-vars')).toEqual({
    metadata: {},
    template: {},
    spec: {},
    containers: [
      { name: 'proxy', env: [{ name: 'STAKATER_OLD_SECRET', value: '1' }] },
      { name: 'app', env: [{ name: 'STAKATER_APP_CONF_CONFIGMAP', value: 'abc' }] },
    ],
  })
})

test('annotations: last-reloaded-from', () => {
  const { template } = written(deployment('web', { metadata: auto, env: ['app.conf'] }), 'annotations')
  expect(JSON.parse(template['reloader.stakater.com/last-reloaded-from'] ?? '')).toEqual({
    type: 'CONFIGMAP',
    name: 'app.conf',
    namespace: 'shop',
    hash: 'abc',
    containerRefs: ['app'],
    observedAt: NOW / 1_000,
  })
})

test('pause-period: the time is kept', () => {
  const metadata = { ...auto, 'deployment.reloader.stakater.com/pause-period': '5m' }
  expect(written(deployment('web', { metadata }), 'env-vars').metadata).toEqual({
    'deployment.reloader.stakater.com/paused-at': '2026-01-02T03:04:05Z',
  })
})

test('an Argo Rollout with the restart strategy is restarted, its template left alone', () => {
  const metadata = { ...auto, 'reloader.stakater.com/rollout-strategy': 'restart' }
  const rollout = { ...deployment('web', { metadata }), kind: 'Rollout' }
  expect(written(rollout, 'env-vars')).toEqual({
    metadata: {},
    template: {},
    containers: [],
    spec: { restartAt: '2026-01-02T03:04:05Z' },
  })
})

test('Wave: its hash', () => {
  const web = deployment('web', { metadata: { 'wave.pusher.com/update-on-config-change': 'true' } })
  expect(written(web, 'env-vars').template['wave.pusher.com/config-hash']).toMatch(/^[0-9a-f]{64}$/)
})

test('a CronJob’s Job: the same name for the same state, as kubectl would make it', () => {
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
})

test('a Job made again is the Job without what the API server added', () => {
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
