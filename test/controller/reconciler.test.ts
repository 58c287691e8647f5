// The controller as a whole, without a cluster: a test tells its listeners what there is, and its API server is a table of ConfigMaps.
import { expect, test } from 'vitest'
import type { ApiCall, ApiResponse, Listener } from '../../src/api/api.ts'
import { collectionOf } from '../../src/api/paths.ts'
import { defaultCompatOptions } from '../../src/compat/request/options.ts'
import { startController } from '../../src/controller/reconciler.ts'
import { builtInDefaults } from '../../src/policy/defaults.ts'
import { workloadKinds } from '../../src/workload/kinds.ts'
import { keys, workload } from '../support/builders.ts'
import { fakeClock } from '../support/fake-clock.ts'

const BASELINES = '/api/v1/namespaces/hotreload-system/configmaps/hotreload-baselines-0'

function cluster() {
  const clock = fakeClock()
  const listeners = new Map<string, Listener>()
  const configMaps = new Map<string, Record<string, string>>()
  const calls: ApiCall[] = []
  let waiting: string[] = []
  let tellLead = (_leads: boolean): void => {}
  let leads = true
  const answer = ({ method, path, body }: ApiCall): ApiResponse => {
    if (path.includes('labelSelector=hotreload.dev')) {
      const items = [...configMaps]
        .filter(([at]) => at === BASELINES)
        .map(([at, data]) => ({ metadata: { name: at.split('/').at(-1) }, data }))
      return { status: 200, body: { metadata: {}, items } }
    }
    const { data: sent = {}, metadata } = Object(body)
    const at = method === 'POST' ? `${path}/${metadata?.name}` : path
    const data = configMaps.get(at)
    if (method === 'POST') configMaps.set(at, sent)
    if (data === undefined) return method === 'POST' ? { status: 201, body: {} } : { status: 404, body: {} }
    if (method === 'PATCH')
      configMaps.set(
        at,
        Object.fromEntries(Object.entries<string>({ ...data, ...sent }).filter(([, text]) => text !== null)),
      )
    return { status: 200, body: { metadata: { resourceVersion: '1' }, data } }
  }
  const controller = startController({
    api: {
      namespace: 'hotreload-system',
      async call(call) {
        calls.push(call)
        return answer(call)
      },
    },
    watchCollection({ path }, listener) {
      listeners.set(path, listener)
      return { names: () => [], lastProgress: () => clock.now(), stop() {} }
    },
    clock,
    report: {
      event() {},
      rollout() {},
      waiting(key, reason) {
        waiting = waiting.filter((one) => !one.startsWith(`${key} `))
        if (reason !== undefined) waiting.push(`${key} ${reason}`)
      },
      unreadable() {},
      nudge() {},
      uninjected() {},
      agentProblem() {},
      leads() {},
      sizes() {},
      log() {},
    },
    elect(onChange) {
      tellLead = (now) => {
        leads = now
        onChange(now)
      }
      return { leads: () => leads, release: async () => {} }
    },
    defaults: () => builtInDefaults,
    installKey: () => undefined,
    compat: defaultCompatOptions,
    limits: { total: 0, perNamespace: 0 },
    evictUninjected: false,
    askAgent: async () => undefined,
  })
  const paths = workloadKinds.map((kind) => collectionOf(kind).path)
  return {
    clock,
    configMaps,
    calls,
    controller,
    listener: (path: string) => listeners.get(path) ?? expect.fail(`nobody follows ${path}`),
    lists: () => ['/api/v1/namespaces', '/api/v1/configmaps', ...paths],
    waiting: () => waiting,
    tellLead: (now: boolean) => tellLead(now),
  }
}

const DEPLOYMENTS = '/apis/apps/v1/deployments'
const web = workload({
  metadata: { uid: 'u-web', resourceVersion: '7', annotations: { 'reloader.stakater.com/auto': 'true' } },
  fields: { replicas: 0 },
})

test('baselines of workloads that may not be listed for a moment are kept', async () => {
  const { clock, configMaps, listener, lists, controller } = cluster()
  configMaps.set(BASELINES, { 'u-web': '{"compat:ConfigMap/web":"0123456789abcdef"}', 'u-gone': '{"a":"b"}' })
  for (const path of lists())
    if (path === DEPLOYMENTS) listener(path).refused(403)
    else listener(path).listed()
  await clock.advance(10_000)
  await controller.stop()
  expect(configMaps.get(BASELINES)).toHaveProperty('u-web')
})

test('baselines of workloads that are gone go', async () => {
  const { clock, configMaps, listener, lists, controller } = cluster()
  configMaps.set(BASELINES, { 'u-gone': '{"a":"b"}' })
  for (const path of lists()) listener(path).listed()
  await clock.advance(10_000)
  await controller.stop()
  expect(configMaps.get(BASELINES)).toEqual({})
})

test('who leads no more says of no workload that its rollout waits', async () => {
  const { clock, configMaps, listener, lists, controller, waiting, tellLead } = cluster()
  configMaps.set('/api/v1/namespaces/shop/configmaps/web', { a: '1' })
  const paused = {
    ...web,
    metadata: { ...web.metadata, annotations: { ...web.metadata?.annotations, ...keys({ pause: 'true' }) } },
  }
  configMaps.set(BASELINES, { 'u-web': '{"compat:ConfigMap/web":"0123456789abcdef"}' })
  for (const path of lists()) {
    if (path === DEPLOYMENTS) listener(path).changed(paused)
    listener(path).listed()
  }
  await clock.advance(10_000)
  expect(waiting()).toEqual(['Deployment/shop/web paused'])
  tellLead(false)
  expect(waiting()).toEqual([])
  await controller.stop()
})

test('a workload that was made again under its name has its Pods looked at, as a new one', async () => {
  const { clock, calls, listener, lists, controller } = cluster()
  const named = (uid: string, resourceVersion: string) =>
    workload({
      template: keys({ inject: 'true', signal: 'SIGHUP' }),
      metadata: { uid, resourceVersion, generation: 1 },
      fields: { selector: { matchLabels: { app: 'web' } } },
    })
  const labels = { 'hotreload.dev/injection': 'enabled' }
  listener('/api/v1/namespaces').changed({ metadata: { name: 'shop', labels } })
  listener(DEPLOYMENTS).changed(named('old', '1'))
  for (const path of lists()) listener(path).listed()
  await clock.advance(300_000)
  calls.length = 0
  listener(DEPLOYMENTS).changed(named('new', '2'))
  await clock.advance(60_000)
  expect(calls.filter(({ path }) => path.includes('/pods?'))).not.toEqual([])
  await controller.stop()
})
