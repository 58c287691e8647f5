import { describe, expect, test } from 'vitest'
import { workloadHandler } from '../../src/admission/workload-handler.ts'
import { builtInDefaults } from '../../src/policy/defaults.ts'
import { type ApiObject, podTemplate } from '../../src/workload/pod-template.ts'
import { keys, nginx, podSpec, readerOf, submit, type WorkloadParts, workload } from '../support/builders.ts'

const FREEZE = keys({ inject: 'true', 'chart-checksum': 'freeze' })
const content = { data: { 'nginx.conf': 'new' } }

/** The chart's update of a stored workload: another checksum, and whatever else `after` says. */
async function update(
  before: WorkloadParts,
  after: WorkloadParts = {},
  table: Parameters<typeof readerOf>[0] = { 'ConfigMap/web': content },
) {
  const handler = workloadHandler({
    defaults: () => builtInDefaults,
    reader: readerOf(table),
    installKey: () => undefined,
  })
  const first: WorkloadParts = { own: FREEZE, template: { 'checksum/config': '1' }, ...before }
  const { object: stored } = await submit(handler, workload(first))
  const next = workload({ ...first, template: { 'checksum/config': '2' }, ...after })
  return submit(handler, next, stored)
}
const checksumOf = (object: ApiObject) => podTemplate(object)?.metadata?.annotations?.['checksum/config']

describe('chart-checksum: freeze', () => {
  test('keeps the old value without a warning, if nothing else changed and every source reloads in place', async () => {
    const { object, warnings } = await update({})
    expect(checksumOf(object)).toBe('1')
    expect(warnings).toEqual([])
  })

  test('does not change its own result', async () => {
    const { object } = await update({})
    expect(checksumOf((await update({}, { template: { 'checksum/config': '1' } })).object)).toBe(
      checksumOf(object),
    )
  })

  const env = nginx({ env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'web', key: 'a' } } }] })
  test.each<[string, WorkloadParts, WorkloadParts]>([
    ['the image changes too', {}, { spec: podSpec({ containers: [nginx({ image: 'nginx:1.28' })] }) }],
    ['another annotation changes too', {}, { template: { 'checksum/config': '2', a: 'b' } }],
    ['a checksum is new', { template: {} }, {}],
    ['a source is used as a variable', { spec: podSpec({ containers: [env] }) }, {}],
    [
      'the program is unknown',
      { spec: podSpec({ containers: [nginx({ image: 'example.org/api:1' })] }) },
      {},
    ],
    ['the workload does not request it', { own: keys({ inject: 'true' }) }, {}],
    ['the Pods have no agent yet', { own: { 'hotreload.dev/chart-checksum': 'freeze' } }, { own: FREEZE }],
    ['the Pods can have no agent', { spec: podSpec({ hostPID: true }) }, {}],
  ])('does nothing if %s', async (_name, before, after) => {
    expect(checksumOf((await update(before, after)).object)).toBe('2')
  })

  test('does nothing if the ConfigMap is immutable, so that running Pods never see the new one', async () => {
    const { object } = await update({}, {}, { 'ConfigMap/web': { ...content, immutable: true } })
    expect(checksumOf(object)).toBe('2')
  })
})
