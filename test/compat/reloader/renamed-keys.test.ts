import { expect, test } from 'vitest'
import { reloader } from '../../../src/compat/reloader/reloader.ts'
import { defaultCompatOptions } from '../../../src/compat/request/options.ts'
import { deployment } from '../../support/controller.ts'
import { workload } from '../workload.ts'

const options = {
  ...defaultCompatOptions,
  renamedKeys: new Map([
    ['reloader.stakater.com/auto', 'example.com/auto'],
    ['reloader.stakater.com/match', 'example.com/match'],
    ['deployment.reloader.stakater.com/pause-period', 'example.com/pause'],
  ]),
}

test('a renamed annotation counts, on the metadata and on the template', () => {
  expect(reloader.read(workload({ 'example.com/auto': 'true' }), options)?.auto.has('ConfigMap')).toBe(true)
  const onTemplate = workload({}, { 'example.com/auto': 'true', 'example.com/pause': '5m' })
  expect(reloader.read(onTemplate, options)).toMatchObject({ pausePeriod: 300_000 })
})

test('Reloader’s own key counts no longer; one that is not renamed does', () => {
  expect(reloader.read(workload({ 'reloader.stakater.com/auto': 'true' }), options)).toBeUndefined()
  expect(reloader.read(workload({ 'reloader.stakater.com/search': 'true' }), options)?.search).toBe(true)
})

test('marks of sources', () => {
  const source = { metadata: { annotations: { 'example.com/match': 'true' } } }
  expect(reloader.readMarks(source, options).match).toBe(true)
  expect(reloader.readMarks(source, defaultCompatOptions).match).toBe(false)
})

test('a mistake is reported under the key that its user wrote', () => {
  expect(reloader.read(workload({ 'example.com/auto': 'yes' }), options)?.problems).toEqual([
    'example.com/auto: "yes" is neither "true" nor "false", and is left out',
  ])
})

test('paused-at keeps its key', () => {
  const web = deployment('web', { metadata: { 'example.com/auto': 'true', 'example.com/pause': '5m' } })
  const rollout = { workload: web, changed: [], checksums: new Map<string, string>(), options, now: 0 }
  expect(reloader.writeBack(rollout).metadata).toEqual({
    'deployment.reloader.stakater.com/paused-at': '1970-01-01T00:00:00Z',
  })
})
