// The controller as a whole, without a cluster.
import { expect, test } from 'vitest'
import { keys, workload } from '../support/builders.ts'
import { DEPLOYMENTS, NAMESPACES, TestCluster } from '../support/test-cluster.ts'

const KEY = 'Deployment/shop/web'
const web = (annotations: Record<string, string> = {}, resourceVersion = '7') =>
  workload({
    metadata: {
      uid: 'u-web',
      resourceVersion,
      annotations: { 'reloader.stakater.com/auto': 'true', ...annotations },
    },
    fields: { replicas: 0 },
  })
const OLD = '{"compat:ConfigMap/web":"0123456789abcdef"}'

test('nothing is read, written or reported before start', async () => {
  const cluster = new TestCluster()
  await cluster.clock.advance(60_000)
  expect([cluster.watched(), cluster.calls, cluster.recorder.lines, cluster.clock.timers()]).toEqual([
    [],
    [],
    [],
    0,
  ])
  expect(cluster.controller.notReady()).toBe('not all lists are complete')
})

test('baselines of workloads that may not be listed for a moment are kept', async () => {
  const cluster = new TestCluster()
  cluster.baselines = { 'u-web': OLD, 'u-gone': '{"a":"b"}' }
  cluster.start({ refused: [DEPLOYMENTS] })
  await cluster.clock.advance(10_000)
  await cluster.controller.stop()
  expect(cluster.baselines).toHaveProperty('u-web')
})

test('baselines of deleted workloads are removed', async () => {
  const cluster = new TestCluster()
  cluster.baselines = { 'u-gone': '{"a":"b"}' }
  cluster.start()
  await cluster.clock.advance(10_000)
  await cluster.controller.stop()
  expect(cluster.baselines).toEqual({})
})

test('losing leadership clears the waiting gauges', async () => {
  const cluster = new TestCluster()
  cluster.setConfigMap('web', { a: '1' })
  cluster.baselines = { 'u-web': OLD }
  cluster.start()
  cluster.listener(DEPLOYMENTS).changed(web(keys({ pause: 'true' })))
  await cluster.clock.advance(10_000)
  expect([...cluster.recorder.waiting]).toEqual([[KEY, 'paused']])
  cluster.setElected(false)
  expect([...cluster.recorder.waiting]).toEqual([])
  await cluster.controller.stop()
})

test('the Pods of a workload that was recreated under its name are checked, as those of a new one', async () => {
  const cluster = new TestCluster()
  const named = (uid: string, resourceVersion: string) =>
    workload({
      template: keys({ inject: 'true', signal: 'SIGHUP' }),
      metadata: { uid, resourceVersion, generation: 1 },
      fields: { selector: { matchLabels: { app: 'web' } } },
    })
  const labels = { 'hotreload.dev/injection': 'enabled' }
  cluster.start()
  cluster.listener(NAMESPACES).changed({ metadata: { name: 'shop', labels } })
  cluster.listener(DEPLOYMENTS).changed(named('old', '1'))
  await cluster.clock.advance(300_000)
  cluster.calls.length = 0
  cluster.listener(DEPLOYMENTS).changed(named('new', '2'))
  await cluster.clock.advance(60_000)
  expect(cluster.calls.filter(({ path }) => path.includes('/pods?'))).not.toEqual([])
  await cluster.controller.stop()
})
