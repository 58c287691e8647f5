// The controller as a whole, without a cluster.
import { expect, test } from 'vitest'
import { keys, nginx, podSpec, workload } from '../support/builders.ts'
import { volumesReport, withAgents } from '../support/pods-with-agents.ts'
import { DEPLOYMENTS, TestCluster } from '../support/test-cluster.ts'

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
  expect(cluster.baselines).toEqual({})
  await cluster.controller.stop()
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
  cluster.start()
  cluster.labelNamespace()
  cluster.listener(DEPLOYMENTS).changed(named('old', '1'))
  await cluster.clock.advance(300_000)
  cluster.calls.length = 0
  cluster.listener(DEPLOYMENTS).changed(named('new', '2'))
  await cluster.clock.advance(60_000)
  expect(cluster.calls.filter(({ path }) => path.includes('/pods?'))).not.toEqual([])
  await cluster.controller.stop()
})

/**
 * Deployments that are rolled out for their ConfigMap `web`, in a namespace with our label.
 * @param end whether rollouts do; else their Deployments stay unobserved
 */
function clusterWithDeployments(options: ConstructorParameters<typeof TestCluster>[0] = {}, end = true) {
  const cluster = new TestCluster(options)
  const rollouts: string[] = []
  let status = 200
  const deployment = (
    name: string,
    resourceVersion: string,
    replicas: number,
    template = {},
    metadata = {},
    fields = {},
  ) =>
    workload({
      template: { ...keys({ inject: 'true' }), ...template },
      spec: podSpec({ containers: [nginx({ image: 'shop/app:1' })] }),
      metadata: { name, uid: `u-${name}`, resourceVersion, annotations: metadata },
      fields: { replicas, ...fields },
    })
  cluster.answer = ({ method, path, body }) => {
    if (method !== 'PATCH' || !path.startsWith('/apis/apps/v1/')) return undefined
    const name = path.split('/').at(-1)?.replace(/\?.*/, '') ?? ''
    rollouts.push(name)
    if (status !== 200) return { status, body: {} }
    const answer = deployment(name, '8', 0, Object(body).spec.template.metadata.annotations)
    return {
      status,
      body: { ...answer, metadata: { ...answer.metadata, generation: end ? 0 : rollouts.length } },
    }
  }
  cluster.start()
  cluster.labelNamespace()
  cluster.setConfigMap('web', { data: '1' })
  return {
    cluster,
    rollouts,
    answerRollouts: (next: number) => (status = next),
    /** With replicas its rollout never ends: nothing updates its status. */
    add: (name: string, { replicas = 0, resourceVersion = '7', metadata = {}, paused = false } = {}) =>
      cluster
        .listener(DEPLOYMENTS)
        .changed(deployment(name, resourceVersion, replicas, {}, metadata, { paused })),
    waiting: () => [...cluster.recorder.waiting].map(([key, reason]) => `${key.split('/')[2]} ${reason}`),
  }
}

test('a changed ConfigMap is rolled out once, after a quiet second', async () => {
  const { cluster, rollouts, add, waiting } = clusterWithDeployments()
  add('web')
  await cluster.clock.advance(60_000)
  expect(rollouts).toEqual([])
  cluster.setConfigMap('web', { data: '2' })
  await cluster.clock.advance(500)
  expect([rollouts, waiting()]).toEqual([[], ['web quiet']])
  await cluster.clock.advance(60_000)
  expect([rollouts, waiting()]).toEqual([['web'], []])
  expect(cluster.recorder.events).toMatchObject([
    { reason: 'RolloutStarted', message: 'ConfigMap web changed' },
    { reason: 'RolledOut', message: 'ConfigMap web changed' },
  ])
  await cluster.controller.stop()
})

test('a write that fails is tried again, and counted', async () => {
  const { cluster, rollouts, add, answerRollouts } = clusterWithDeployments()
  add('web')
  await cluster.clock.advance(60_000)
  answerRollouts(500)
  cluster.setConfigMap('web', { data: '2' })
  await cluster.clock.advance(1_500)
  expect(cluster.recorder.rollouts).toEqual([{ outcome: 'failed', kind: 'Deployment' }])
  expect(cluster.controller.rolloutsInProgress()).toBe(0)
  answerRollouts(200)
  await cluster.clock.advance(10_000)
  expect(rollouts).toEqual(['web', 'web'])
  expect(cluster.recorder.rollouts.at(-1)).toEqual({ outcome: 'done', kind: 'Deployment' })
  await cluster.controller.stop()
})

test('a replica that does not lead writes nothing, and takes over what is left to do', async () => {
  const { cluster, rollouts, add } = clusterWithDeployments()
  add('web')
  await cluster.clock.advance(60_000)
  cluster.setElected(false)
  cluster.setConfigMap('web', { data: '2' })
  await cluster.clock.advance(60_000)
  expect(rollouts).toEqual([])
  cluster.setElected(true)
  await cluster.clock.advance(10_000)
  expect(rollouts).toEqual(['web'])
  await cluster.controller.stop()
})

/** The ConfigMap of `web` has changed while the rollout of `running`, which began 12 s ago, has the only place. */
async function changeOverTheLimit() {
  const deployments = clusterWithDeployments({ limits: { total: 1, perNamespace: 0 } })
  const { cluster, add } = deployments
  add('running', { replicas: 2, metadata: keys({ pause: 'true' }) })
  add('web')
  await cluster.clock.advance(2_000)
  cluster.setConfigMap('web', { data: '2' })
  await cluster.clock.advance(10_000)
  return deployments
}

test('over the limit a rollout waits for its place, at most until the one before is stalled', async () => {
  const { cluster, rollouts, waiting } = await changeOverTheLimit()
  expect([rollouts, waiting()]).toEqual([[], ['running paused', 'web limit']])
  await cluster.clock.advance(17_000)
  expect(rollouts).toEqual([])
  await cluster.clock.advance(2_000)
  expect(rollouts).toEqual(['web'])
  await cluster.controller.stop()
})

test('a rollout whose new Pods are not available is overtaken at once, and the next one after half a minute', async () => {
  const { cluster, rollouts, add, waiting } = clusterWithDeployments({}, false)
  add('web')
  await cluster.clock.advance(10_000)
  for (const data of ['bad', 'good', 'better']) {
    cluster.setConfigMap('web', { data })
    await cluster.clock.advance(5_000)
  }
  expect([rollouts, waiting()]).toEqual([['web', 'web'], ['web inProgress']])
  await cluster.clock.advance(30_000)
  expect([rollouts, waiting()]).toEqual([['web', 'web', 'web'], []])
  await cluster.controller.stop()
})

test('the place of a deleted workload goes to the next', async () => {
  const { cluster, rollouts, waiting } = await changeOverTheLimit()
  cluster.listener(DEPLOYMENTS).removed('shop', 'running')
  await cluster.clock.advance(10_000)
  expect([rollouts, waiting()]).toEqual([['web'], []])
  await cluster.controller.stop()
})

/** Paused by Reloader, whose pause is over. */
const PAUSED = {
  'reloader.stakater.com/auto': 'true',
  'deployment.reloader.stakater.com/pause-period': '5m',
  'deployment.reloader.stakater.com/paused-at': '2025-12-31T12:00:00Z',
}

test('a workload that fails whenever it is reconciled passes its turn on', async () => {
  const { cluster, rollouts, add } = await changeOverTheLimit()
  add('next')
  await cluster.clock.advance(2_000)
  cluster.setConfigMap('web', { data: '3' })
  await cluster.clock.advance(5_000)
  const { answer } = cluster
  cluster.answer = (call) =>
    call.method === 'PATCH' && call.path.includes('/web?') ? { status: 500, body: {} } : answer(call)
  add('web', { resourceVersion: '9', metadata: PAUSED, paused: true })
  cluster.listener(DEPLOYMENTS).removed('shop', 'running')
  await cluster.clock.advance(100)
  expect(rollouts).toEqual(['next'])
  await cluster.controller.stop()
})

test('a replica that leads no longer sets no gauge when the answer to its last write arrives', async () => {
  const cluster = new TestCluster()
  cluster.setConfigMap('web', { a: '1' })
  cluster.baselines = { 'u-web': OLD }
  cluster.answer = ({ method, path }) => {
    if (method !== 'PATCH' || !path.includes('/deployments/')) return undefined
    cluster.setElected(false)
    return { status: 200, body: {} }
  }
  cluster.start()
  cluster.listener(DEPLOYMENTS).changed(
    workload({
      metadata: { uid: 'u-web', resourceVersion: '7', annotations: PAUSED },
      fields: { replicas: 0, paused: true },
    }),
  )
  await cluster.clock.advance(60_000)
  expect([...cluster.recorder.waiting]).toEqual([])
  await cluster.controller.stop()
})

test('a program that reverts each rollout three times puts the next one off', async () => {
  const { cluster, rollouts, add, waiting } = clusterWithDeployments()
  add('web')
  await cluster.clock.advance(60_000)
  for (const version of ['2', '3', '4']) {
    cluster.setConfigMap('web', { data: version })
    await cluster.clock.advance(10_000)
    add('web', { resourceVersion: `${version}0` })
    await cluster.clock.advance(100)
  }
  const count = rollouts.length
  expect(cluster.recorder.events.map(({ reason }) => reason)).toContain('ChecksumReverted')
  cluster.setConfigMap('web', { data: '5' })
  await cluster.clock.advance(60_000)
  expect([rollouts.length, waiting()]).toEqual([count, ['web reverted']])
  await cluster.controller.stop()
})

test('after a change that reloads in place, the agents’ problems are reported', async () => {
  const cluster = new TestCluster({
    askAgent: async () => ({
      state: 'refused',
      container: 'web',
      error: { code: 'HR_SIGNAL_REFUSED', message: 'SIGHUP not sent', at: '2026-01-01T00:00:01.000Z' },
    }),
  })
  const pod = {
    metadata: { name: 'a', namespace: 'shop', annotations: keys({ status: withAgents(['web']) }) },
    status: { phase: 'Running', podIP: '10.0.0.1' },
  }
  cluster.answer = ({ path }) =>
    path.includes('/pods') ? { status: 200, body: { ...pod, items: [pod] } } : undefined
  cluster.start()
  cluster.labelNamespace()
  cluster.setConfigMap('web', { data: '1' })
  cluster.listener(DEPLOYMENTS).changed(
    workload({
      template: keys({ inject: 'true', signal: 'SIGHUP' }),
      metadata: { uid: 'u-web', resourceVersion: '7' },
      fields: { replicas: 0, selector: { matchLabels: { app: 'web' } } },
    }),
  )
  await cluster.clock.advance(10_000)
  expect(cluster.recorder.events).toEqual([])
  cluster.setConfigMap('web', { data: '2' })
  await cluster.clock.advance(6_000)
  expect(cluster.calls.some(({ method, path }) => method === 'PATCH' && path.endsWith('/pods/a'))).toBe(true)
  expect(cluster.recorder.events).toMatchObject([{ reason: 'ReloadRefused' }])
  await cluster.controller.stop()
})

/** What an agent says of gated volume `conf`. */
const ofGate = (gate: object, state: string, loadedAt: number) => {
  const [volume] = volumesReport(state, { conf: loadedAt }).volumes
  const error = state === 'held' ? { code: 'HR_VALIDATION_FAILED', message: 'no', at: '' } : null
  return { container: 'web', state, error, volumes: [{ ...volume, gate }] }
}

/** A Deployment with one Pod, of which ConfigMap `web` fills a gated volume, and its key `a` a variable. @param items keys of the volume */
async function gatedCluster(
  annotations: Record<string, string> = {},
  items?: { key: string; path: string }[],
) {
  let report: unknown = ofGate({ held: null }, 'loaded', 0)
  const cluster = new TestCluster({ askAgent: async () => report })
  const pod = {
    metadata: { name: 'a', namespace: 'shop', annotations: keys({ status: withAgents(['web'], {}) }) },
    status: { phase: 'Running', podIP: '10.0.0.1' },
  }
  const env = [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'web', key: 'a' } } }]
  const configMap = { name: 'web', ...(items ? { items } : {}) }
  const deployment = (resourceVersion: string, template = {}) =>
    workload({
      template: {
        ...keys({ inject: 'true', gate: 'publish', validate: 'nginx -t', ...annotations }),
        ...template,
      },
      spec: podSpec({ containers: [nginx({ env })], volumes: [{ name: 'conf', configMap }] }),
      metadata: { uid: 'u-web', resourceVersion },
      fields: { replicas: 0, selector: { matchLabels: { app: 'web' } } },
    })
  let rollouts = 0
  cluster.answer = ({ method, path, body }) => {
    if (path.includes('/pods')) return { status: 200, body: { ...pod, items: [pod] } }
    if (method !== 'PATCH' || !path.startsWith('/apis/apps/v1/')) return undefined
    rollouts += 1
    return { status: 200, body: deployment('8', Object(body).spec.template.metadata.annotations) }
  }
  cluster.start()
  cluster.labelNamespace()
  cluster.setConfigMap('web', { a: '1' })
  cluster.listener(DEPLOYMENTS).changed(deployment('7'))
  await cluster.clock.advance(60_000)
  return { cluster, says: (one: unknown) => (report = one), rollouts: () => rollouts }
}

test('a change that needs new Pods as well is rolled out when no gate holds it back any more', async () => {
  const { cluster, says, rollouts } = await gatedCluster()
  cluster.setConfigMap('web', { a: '2' })
  await cluster.clock.advance(3_000)
  expect([...cluster.recorder.waiting]).toEqual([[KEY, 'held']])
  says(ofGate({ held: { sha256: 'x', refusals: 2 } }, 'held', 0))
  await cluster.clock.advance(3_600_000)
  expect(rollouts()).toBe(0)
  expect(cluster.recorder.events.map(({ reason }) => reason)).toContain('RolloutHeld')
  // An agent that answers no more takes nothing back.
  says(undefined)
  await cluster.clock.advance(3_600_000)
  expect(rollouts()).toBe(0)
  says(ofGate({ held: null }, 'loaded', cluster.clock.wall()))
  await cluster.clock.advance(60_000)
  expect(rollouts()).toBe(1)
  await cluster.controller.stop()
})

test('a change of a key that no gate shows does not wait for as long as a trial may take', async () => {
  const { cluster, rollouts } = await gatedCluster({ bake: '1h' }, [{ key: 'conf', path: 'conf' }])
  cluster.setConfigMap('web', { a: '2' })
  await cluster.clock.advance(60_000)
  expect(rollouts()).toBe(1)
  await cluster.controller.stop()
})

test('a new leader rolls out no change that is on trial', async () => {
  const { cluster, says, rollouts } = await gatedCluster({ bake: '10m' })
  cluster.setElected(false)
  cluster.setConfigMap('web', { a: '2' })
  says(ofGate({ held: null, trial: { until: '' } }, 'baking', cluster.clock.wall()))
  await cluster.clock.advance(10_000)
  cluster.setElected(true)
  await cluster.clock.advance(300_000)
  expect([rollouts(), [...cluster.recorder.waiting]]).toEqual([0, [[KEY, 'held']]])
  says(ofGate({ held: null, trial: null }, 'loaded', cluster.clock.wall()))
  await cluster.clock.advance(60_000)
  expect(rollouts()).toBe(1)
  await cluster.controller.stop()
})

test('containers that are restarted for their variables have one Event with the reason', async () => {
  let loadedAt = 0
  const cluster = new TestCluster({
    askAgent: async () => volumesReport('loaded', { 'hotreload-env-web-configmap-web': loadedAt }),
  })
  const annotations = keys({ inject: 'true', env: 'restart' })
  const pod = (name: string) => ({
    metadata: { name, namespace: 'shop', annotations: keys({ status: withAgents(['web']) }) },
    status: { phase: 'Running', podIP: '10.0.0.1' },
  })
  cluster.answer = ({ path }) =>
    path.includes('/pods') ? { status: 200, body: { ...pod('a'), items: [pod('a'), pod('b')] } } : undefined
  cluster.start()
  cluster.labelNamespace()
  cluster.setConfigMap('web', { data: '1' })
  const spec = podSpec({ containers: [{ ...nginx(), envFrom: [{ configMapRef: { name: 'web' } }] }] })
  cluster.listener(DEPLOYMENTS).changed(
    workload({
      template: annotations,
      spec,
      metadata: { uid: 'u-web', resourceVersion: '7' },
      fields: { replicas: 0, selector: { matchLabels: { app: 'web' } } },
    }),
  )
  await cluster.clock.advance(60_000)
  cluster.setConfigMap('web', { data: '2' })
  await cluster.clock.advance(10_000)
  expect(cluster.recorder.events).toEqual([])
  loadedAt = cluster.clock.wall()
  await cluster.clock.advance(86_400_000)
  expect(cluster.recorder.events).toMatchObject([
    { reason: 'Restarted', message: 'ConfigMap web changed (hotreload.dev/env); 2 Pods have it' },
  ])
  await cluster.controller.stop()
})
