import { expect, test } from 'vitest'
import { type WarningContext, workloadWarnings } from '../../src/admission/workload-warnings.ts'
import { builtInDefaults } from '../../src/policy/defaults.ts'
import { readWorkload } from '../../src/policy/read-workload.ts'
import { keys, nginx, podSpec, workload } from '../support/builders.ts'

const inPlace = { kind: 'ConfigMap', name: 'web', optional: false } as const
const rollout = { kind: 'ConfigMap', name: 'api', optional: false } as const
const checksums = {
  hashes: new Map(),
  unreadable: [{ used: rollout, why: 'unavailable' as const }],
  immutable: [inPlace],
}
const api = nginx({
  name: 'api',
  image: 'example.org/api:1',
  volumeMounts: [{ name: 'api', mountPath: '/etc/api' }],
})
const spec = podSpec({
  containers: [nginx(), api],
  volumes: [
    { name: 'conf', configMap: { name: 'web' } },
    { name: 'api', configMap: { name: 'api' } },
  ],
})
const own = keys({ inject: 'true', singal: 'HUP' })
const read = (change: Record<string, string> = {}) =>
  readWorkload(
    workload({ own: { ...own, ...keys(change) }, template: { 'checksum/config': '1' }, spec }),
    builtInDefaults,
  )
const warnings = (reading: ReturnType<typeof read>, context: Partial<WarningContext> = {}) =>
  workloadWarnings(reading, {
    isChanged: true,
    isFrozen: false,
    keptPods: undefined,
    checksums,
    namespace: 'shop',
    ...context,
  }).map((text) => text.split(/[ ;]/).slice(0, 3).join(' '))

const unknown = 'unknown annotation hotreload.dev/singal'
const plan = 'container api: set'
const chart = 'Helm replaces the'
const sources = ['ConfigMap api could', 'change ConfigMap web']

test('come in one order: unknown annotations, the plan, the chart, the sources', () =>
  expect(warnings(read())).toEqual([unknown, plan, chart, ...sources]))

test('begin with the mistakes, and then leave out what depends on the plan', () =>
  expect(warnings(read({ signal: 'HUPP' }), { checksums: undefined })).toEqual([
    'hotreload.dev/signal: "HUPP" is',
    unknown,
  ]))

test('are those of the sources only, if the update changes nothing of ours', () =>
  expect(warnings(read(), { isChanged: false })).toEqual(sources))

test('are no more than unknown annotations, if the update replaces no Pods', () =>
  expect(warnings(read(), { isFrozen: true, checksums: undefined })).toEqual([unknown]))

test('of a workload without an opt-in are only about its annotations', () =>
  expect(warnings(read({ inject: 'false' }), { checksums: undefined })).toEqual([unknown]))

test('Pods that a rollout keeps are no news where nothing rolls out', () => {
  const keptPods = 'updateStrategy is OnDelete: Pods are replaced only when you delete them'
  expect(warnings(read(), { keptPods })).toContain('updateStrategy is OnDelete:')
  expect(warnings(read({ container: 'web' }), { keptPods })).not.toContain('updateStrategy is OnDelete:')
  expect(warnings(read(), { keptPods, isChanged: false })).not.toContain('updateStrategy is OnDelete:')
})
