// What the controller knows of a cluster, without one: a test tells the listeners what there is.
import { expect, test } from 'vitest'
import type { Collection, Listener } from '../../../src/api/api.ts'
import { defaultCompatOptions } from '../../../src/compat/request/options.ts'
import { createCache } from '../../../src/controller/cache/cache.ts'
import { builtInDefaults, type Defaults } from '../../../src/policy/defaults.ts'
import type { ApiObject } from '../../../src/workload/pod-template.ts'
import { keys, workload } from '../../support/builders.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const DEPLOYMENTS = '/apis/apps/v1/deployments'

function view() {
  const following = new Map<string, Listener>()
  const names = new Map<string, string[]>()
  const changed: string[] = []
  let defaults: Defaults = builtInDefaults
  const cluster = createCache(
    {
      api: { namespace: 'hotreload-system', call: async () => ({ status: 404, body: {} }) },
      watchCollection({ path }: Collection, listener) {
        following.set(path, listener)
        return {
          names: () => names.get(path) ?? [],
          lastProgress: () => 0,
          stop() {
            if (following.get(path) === listener) following.delete(path)
          },
        }
      },
      clock: fakeClock(),
      report: { sizes() {}, log() {} },
      defaults: () => defaults,
      installKey: () => undefined,
      compat: defaultCompatOptions,
    },
    { workloadChanged: (key) => changed.push(key), contentChanged() {}, synced() {} },
  )
  cluster.start()
  return {
    cluster,
    changed,
    followed: () => [...following.keys()],
    refuse: (path: string) => following.get(path)?.refused(403),
    gone: (name: string) => following.get(DEPLOYMENTS)?.removed('shop', name),
    deployments: (...objects: ApiObject[]) => {
      const listener = following.get(DEPLOYMENTS)
      for (const object of objects) listener?.changed(object)
      listener?.listed()
    },
    /** As a list comes: each name is known when its object is told. */
    list: (path: string, ...objects: string[]) => {
      const listener = following.get(path)
      for (const [index, name] of objects.entries()) {
        names.set(path, objects.slice(0, index + 1))
        listener?.changed({ metadata: { namespace: 'shop', name, resourceVersion: '1' } })
      }
      listener?.listed()
    },
    defaultsAre: (annotations: Record<string, string>) => {
      defaults = { ...builtInDefaults, annotations: keys(annotations) }
      cluster.relistWorkloads()
    },
  }
}

const app = { name: 'app', image: 'shop/app:1', volumeMounts: [{ name: 'conf', mountPath: '/conf' }] }
const spec = { containers: [app], volumes: [{ name: 'conf', configMap: { name: 'web' } }] }
const named = (name: string): ApiObject =>
  workload({ template: keys({ inject: 'true' }), spec, metadata: { name, uid: name, resourceVersion: '7' } })

test('other defaults: what every workload asks for is read anew, though none has changed', () => {
  const { cluster, changed, deployments, defaultsAre } = view()
  const sourcesOf = (name: string) =>
    cluster.workloads.get(`Deployment/shop/${name}`)?.summary.native?.sources
  deployments(named('a'), named('b'))
  expect(sourcesOf('a')).toMatchObject({ rollout: [{ name: 'web' }], inPlace: [] })
  defaultsAre({ signal: 'SIGHUP' })
  changed.length = 0
  deployments(named('a'), named('b'))
  expect(sourcesOf('a')).toMatchObject({ rollout: [], inPlace: [{ name: 'web' }] })
  expect(changed).toEqual(['Deployment/shop/a', 'Deployment/shop/b'])
})

test('a workload that went while they were listed anew is gone; until the list is complete nobody is', () => {
  const { cluster, deployments, defaultsAre } = view()
  deployments(named('a'), named('b'))
  defaultsAre({ signal: 'SIGHUP' })
  expect(cluster.workloads.size()).toBe(2)
  deployments(named('b'))
  expect([...cluster.workloads.all()].map(({ key }) => key)).toEqual(['Deployment/shop/b'])
})

test.each([
  ['ConfigMap', 'configmap', '/api/v1/configmaps'],
  ['Secret', 'secret', '/api/v1/secrets'],
])('%ss asked for by a pattern are found, whichever list is complete first', (kind, prefix, path) => {
  const annotations = { [`${prefix}.reloader.stakater.com/reload`]: 'd.' }
  const web = workload({ spec, metadata: { name: 'a', uid: 'a', resourceVersion: '7', annotations } })
  const { cluster, deployments, list } = view()
  deployments(web)
  list(path, 'db', 'other')
  const summary = cluster.workloads.get('Deployment/shop/a')?.summary
  expect(summary && cluster.usedSources(summary).compat).toMatchObject([{ use: { kind, name: 'db' } }])
  expect(cluster.sources.size()).toBe(1)
})

test('Secrets of a namespace are followed for as long as a workload there uses some', () => {
  const secretSpec = { containers: [app], volumes: [{ name: 'conf', secret: { secretName: 'web' } }] }
  const withSecret = (name: string) =>
    workload({
      spec: secretSpec,
      metadata: {
        name,
        uid: name,
        resourceVersion: '7',
        annotations: { 'reloader.stakater.com/auto': 'true' },
      },
    })
  const { followed, deployments, refuse, gone } = view()
  const path = '/api/v1/namespaces/shop/secrets'
  deployments(withSecret('a'), withSecret('b'))
  refuse('/api/v1/secrets')
  expect(followed()).toContain(path)
  gone('a')
  expect(followed()).toContain(path)
  gone('b')
  expect(followed()).not.toContain(path)
})

test('Secrets asked for by a pattern are followed where they may be, though none of them is known yet', () => {
  const annotations = { 'secret.reloader.stakater.com/reload': 'd.' }
  const { followed, deployments, refuse } = view()
  refuse('/api/v1/secrets')
  deployments(workload({ spec, metadata: { name: 'a', uid: 'a', resourceVersion: '7', annotations } }))
  expect(followed()).toContain('/api/v1/namespaces/shop/secrets')
})
