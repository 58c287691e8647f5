import { expect, test } from 'vitest'
import { defaultCompatOptions } from '../../src/compat/request/options.ts'
import { readMarks, readRequest, tools, writeBack } from '../../src/compat/tools.ts'
import { deployment } from '../support/controller.ts'
import { chosen, workload } from './workload.ts'

const reloader = { 'reloader.stakater.com/auto': 'true' }
const wave = { 'wave.pusher.com/update-on-config-change': 'true' }

test('every tool has an id, a name and an image of its own', () => {
  const unique = (of: readonly string[]) => expect(new Set(of).size).toBe(of.length)
  unique(tools.map(({ id }) => id))
  unique(tools.map(({ name }) => name))
  unique(tools.flatMap(({ images }) => images))
})

test('the first tool of the list that asks for anything wins', () => {
  expect(readRequest(workload({ ...wave, ...reloader }), defaultCompatOptions)?.tool).toBe('reloader')
  expect(readRequest(workload(wave), defaultCompatOptions)?.tool).toBe('wave')
  expect(readRequest(workload({}), defaultCompatOptions)).toBeUndefined()
})

test('a mistake in Reloader’s annotations does not hide Wave’s', () => {
  const request = readRequest(
    workload({ ...wave, 'reloader.stakater.com/auto': 'ture' }),
    defaultCompatOptions,
  )
  expect(request).toMatchObject({ tool: 'wave', problems: [expect.stringContaining('"ture"')] })
  expect(chosen(request)).toEqual(['Secret/db', 'ConfigMap/conf'])
})

test('neither ignored kinds nor Jobs that another object controls are read', () => {
  const options = { ...defaultCompatOptions, ignoredWorkloads: new Set(['CronJob']) }
  expect(readRequest({ ...workload(reloader), kind: 'CronJob' }, options)).toBeUndefined()
  const job = { ...workload(reloader), kind: 'Job' }
  expect(readRequest(job, options)?.tool).toBe('reloader')
  const ownerReferences = [{ apiVersion: 'batch/v1', kind: 'CronJob', name: 'x', uid: 'u', controller: true }]
  expect(readRequest({ ...job, metadata: { ...job.metadata, ownerReferences } }, options)).toBeUndefined()
})

test('a source’s marks are those of any tool', () => {
  const source = (annotations: Record<string, string>) => ({ metadata: { annotations } })
  expect(readMarks(source({ 'reloader.stakater.com/match': 'true' }), defaultCompatOptions)).toEqual({
    ignored: false,
    match: true,
  })
  expect(readMarks(source({}), defaultCompatOptions)).toEqual({ ignored: false, match: false })
})

test('a rollout keeps the fields that either tool wrote before', () => {
  const template = {
    'wave.pusher.com/config-hash': 'old',
    'reloader.stakater.com/last-reloaded-from': '{}',
    other: 'x',
  }
  const web = deployment('web', { metadata: wave, template })
  Object.assign(web.spec.template.spec.containers[0] ?? {}, {
    env: [{ name: 'STAKATER_OLD_SECRET', value: '1' }],
  })
  const fields = writeBack(
    { tool: 'wave' },
    {
      workload: web,
      changed: [],
      checksums: new Map(),
      options: { strategy: 'env-vars', renamedKeys: new Map() },
      now: 0,
    },
  )
  expect(fields).toEqual({
    metadata: {},
    template: {
      'wave.pusher.com/config-hash': expect.stringMatching(/^[0-9a-f]{64}$/),
      'reloader.stakater.com/last-reloaded-from': '{}',
    },
    containers: [{ name: 'app', env: [{ name: 'STAKATER_OLD_SECRET', value: '1' }] }],
    spec: {},
  })
})

test('annotations on a workload without a pod template do nothing, and a problem says where they belong', () => {
  const metadata = { annotations: { 'reloader.stakater.com/auto': 'true' } }
  const spec = { workloadRef: { kind: 'Deployment', name: 'api' } }
  expect(readRequest({ kind: 'Rollout', metadata, spec }, defaultCompatOptions)).toMatchObject({
    references: [],
    problems: ['annotate Deployment api in place of this Rollout, which has no pod template'],
  })
})
