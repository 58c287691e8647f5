import { expect, test } from 'vitest'
import { createWorkloads, isSameSpec, type Workload } from '../../../src/controller/cache/workloads.ts'
import type { WorkloadSummary } from '../../../src/controller/decide/workload-summary.ts'
import { workloadKindOf, workloadKinds } from '../../../src/workload/kinds.ts'
import type { ApiObject } from '../../../src/workload/pod-template.ts'
import { workload } from '../../support/builders.ts'
import { fakeClock } from '../../support/fake-clock.ts'

/** A summary of every object but those named `plain`. */
function summarize({ apiVersion, kind, metadata = {}, ...rest }: ApiObject): WorkloadSummary | undefined {
  if (metadata.name === 'plain') return undefined
  const { namespace, name, uid, resourceVersion } = metadata
  const progress = rest['isDone'] === true ? 'done' : 'running'
  return {
    apiVersion,
    kind,
    namespace,
    name,
    uid,
    resourceVersion,
    generation: 1,
    progress,
  } as WorkloadSummary
}

function setUp() {
  const clock = fakeClock()
  const changes: { key: string; last: Workload | undefined }[] = []
  const workloads = createWorkloads({
    clock,
    summarize,
    onChange: (key, last) => changes.push({ key, last }),
  })
  return { clock, workloads, changes, keys: () => changes.map(({ key }) => key) }
}
const KEY = 'Deployment/shop/web'
const web = (uid: string, resourceVersion: string) =>
  workload({ metadata: { name: 'web', uid, resourceVersion } })
const named = (name: string) => workload({ metadata: { name, uid: name, resourceVersion: '1' } })

test('a workload that was recreated under its name has a rollout of its own', async () => {
  const { clock, workloads } = setUp()
  workloads.put(web('old', '1'))
  const startedAt = clock.now()
  await clock.advance(599_000)
  workloads.put(web('old', '2'))
  expect(workloads.get(KEY)?.running?.since).toBe(startedAt)
  // Deleted and recreated while the watch was interrupted: the new list shows only the second.
  workloads.put(web('new', '3'))
  expect(workloads.get(KEY)?.running?.since).toBe(clock.now())
})

test('a rollout that is done runs no longer', () => {
  const { workloads } = setUp()
  workloads.put(web('a', '1'))
  workloads.put({ ...web('a', '2'), isDone: true })
  expect(workloads.get(KEY)?.running).toBeUndefined()
})

test('an event that is older than the last write changes nothing', () => {
  const { workloads, keys } = setUp()
  workloads.put(web('a', '10'))
  workloads.put(web('a', '9'))
  expect(workloads.get(KEY)?.summary.resourceVersion).toBe('10')
  expect(keys()).toEqual([KEY])
  workloads.put(web('recreated', '9'))
  expect(workloads.get(KEY)?.summary.uid).toBe('recreated')
})

test('a workload that asks for nothing leaves nothing behind', () => {
  const { workloads, keys } = setUp()
  workloads.put(named('plain'))
  expect(workloads.size()).toBe(0)
  expect(keys()).toEqual([])
})

test('a removed workload is reported with its last state', () => {
  const { workloads, changes } = setUp()
  workloads.put(web('a', '1'))
  const last = workloads.get(KEY)
  workloads.remove({ apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'web' })
  workloads.remove({ apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'web' })
  expect(changes.slice(1)).toEqual([{ key: KEY, last }])
})

test('after a relist each kind’s list removes the workloads that it lacks, of that kind only', () => {
  const { workloads } = setUp()
  const [deployments, statefulSets] = ['Deployment', 'StatefulSet'].map((kind) => {
    const row = workloadKinds.find((one) => one.apiVersion === 'apps/v1' && one.kind === kind)
    return workloads.listener(row ?? expect.fail(kind))
  })
  deployments?.changed(named('a'))
  deployments?.changed(named('b'))
  statefulSets?.changed(named('c'))
  workloads.relist()
  deployments?.changed(named('b'))
  deployments?.listed()
  const keys = () => [...workloads.all()].map(({ key }) => key)
  expect(keys()).toEqual(['Deployment/shop/b', 'StatefulSet/shop/c'])
  statefulSets?.listed()
  expect(keys()).toEqual(['Deployment/shop/b'])
})

test.each([
  [{}, true],
  [{ uid: 'other' }, false],
  [{ generation: 2 }, false],
  [{ resourceVersion: 'other' }, true],
])('the same spec, but for %j: %s', (change, expected) => {
  const summary = summarize(web('a', '1')) ?? expect.fail('no summary')
  expect(isSameSpec(summary, { ...summary, ...change })).toBe(expected)
})

test('two kinds of one name and different groups are two workloads, and a list of one removes none of the other', () => {
  const summarize = ({ apiVersion = '', kind = '', metadata = {} }: ReturnType<typeof workload>) =>
    ({ apiVersion, kind, namespace: metadata.namespace, name: metadata.name }) as WorkloadSummary
  const workloads = createWorkloads({ clock: fakeClock(), summarize, onChange() {} })
  const stateful = workload({ kind: 'StatefulSet' })
  workloads.put(stateful)
  workloads.put({ ...stateful, apiVersion: 'apps.kruise.io/v1beta1' })
  const keys = () => [...workloads.all()].map(({ key }) => key)
  expect(keys()).toEqual(['StatefulSet/shop/web', 'StatefulSet.apps.kruise.io/shop/web'])
  const row = workloadKindOf(stateful) ?? expect.fail('no row')
  workloads.relist()
  workloads.listener(row).listed()
  expect(keys()).toEqual(['StatefulSet.apps.kruise.io/shop/web'])
})

test('a workload that is being deleted counts as gone', () => {
  const { workloads, keys } = setUp()
  workloads.put(web('a', '1'))
  const { metadata, ...rest } = web('a', '2')
  workloads.put({ ...rest, metadata: { ...metadata, deletionTimestamp: new Date(0) } })
  expect([workloads.get(KEY), keys()]).toEqual([undefined, [KEY, KEY]])
})
