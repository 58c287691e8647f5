// The cache without a cluster: a test reports objects to the listeners of its watches.
import { expect, test } from 'vitest'
import type { Listener } from '../../../src/api/api.ts'
import { collectionOf } from '../../../src/api/paths.ts'
import { defaultCompatOptions } from '../../../src/compat/request/options.ts'
import { createCache } from '../../../src/controller/cache/cache.ts'
import type { Guard } from '../../../src/controller/set-aside/guard.ts'
import { builtInDefaults, type Defaults } from '../../../src/policy/defaults.ts'
import { workloadKinds } from '../../../src/workload/kinds.ts'
import type { ApiObject } from '../../../src/workload/pod-template.ts'
import { keys, workload } from '../../support/builders.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { fakeWatches } from '../../support/fake-watches.ts'

const DEPLOYMENTS = '/apis/apps/v1/deployments'

const unguarded: Pick<Guard, 'run'> = { run: (_, compute) => compute() }

function createTestCache(watches = fakeWatches(), guard = unguarded) {
  const changed: string[] = []
  const lines: string[] = []
  let synced = 0
  let defaults: Defaults = builtInDefaults
  const cache = createCache(
    {
      api: { namespace: 'hotreload-system', call: async () => ({ status: 404, body: {} }) },
      watchCollection: watches.watchCollection,
      clock: fakeClock(),
      report: {
        sizes() {},
        log: (level, message, fields) => lines.push(JSON.stringify([level, message, fields])),
      },
      defaults: () => defaults,
      installKey: () => undefined,
      compat: defaultCompatOptions,
      guard,
    },
    { workloadChanged: (key) => changed.push(key), contentChanged() {}, synced: () => (synced += 1) },
  )
  return {
    cache,
    changed,
    lines,
    synced: () => synced,
    ...watches,
    deployments: (...objects: ApiObject[]) => {
      const listener = watches.listener(DEPLOYMENTS)
      for (const object of objects) listener.changed(object)
      listener.listed()
    },
    /** As in a list: a name is known when its object is reported. */
    list: (path: string, ...objects: string[]) => {
      const listener = watches.listener(path)
      for (const [index, name] of objects.entries()) {
        watches.names.set(path, objects.slice(0, index + 1))
        listener.changed({ metadata: { namespace: 'shop', name, resourceVersion: '1' } })
      }
      listener.listed()
    },
    setDefaults: (annotations: Record<string, string>) => {
      defaults = { ...builtInDefaults, annotations: keys(annotations) }
      cache.relistWorkloads()
    },
  }
}

function startTestCache(watches = fakeWatches(), guard = unguarded) {
  const test = createTestCache(watches, guard)
  test.cache.start()
  return test
}

const app = { name: 'app', image: 'shop/app:1', volumeMounts: [{ name: 'conf', mountPath: '/conf' }] }
const spec = { containers: [app], volumes: [{ name: 'conf', configMap: { name: 'web' } }] }
const named = (name: string): ApiObject =>
  workload({ template: keys({ inject: 'true' }), spec, metadata: { name, uid: name, resourceVersion: '7' } })

test('with other defaults every workload is summarized again, though none has changed', () => {
  const { cache, changed, deployments, setDefaults } = startTestCache()
  const sourcesOf = (name: string) => cache.workloads.get(`Deployment/shop/${name}`)?.summary.native?.sources
  deployments(named('a'), named('b'))
  expect(sourcesOf('a')).toMatchObject({ rollout: [{ name: 'web' }], inPlace: [] })
  setDefaults({ signal: 'SIGHUP' })
  changed.length = 0
  deployments(named('a'), named('b'))
  expect(sourcesOf('a')).toMatchObject({ rollout: [], inPlace: [{ name: 'web' }] })
  expect(changed).toEqual(['Deployment/shop/a', 'Deployment/shop/b'])
})

test('a workload that a new list lacks is gone, but not before that list is complete', () => {
  const { cache, deployments, setDefaults } = startTestCache()
  deployments(named('a'), named('b'))
  setDefaults({ signal: 'SIGHUP' })
  expect(cache.workloads.size()).toBe(2)
  deployments(named('b'))
  expect([...cache.workloads.all()].map(({ key }) => key)).toEqual(['Deployment/shop/b'])
})

test.each([
  ['ConfigMap', 'configmap', '/api/v1/configmaps'],
  ['Secret', 'secret', '/api/v1/secrets'],
])('%ss selected by a pattern are found, whichever list is complete first', (kind, prefix, path) => {
  const annotations = { [`${prefix}.reloader.stakater.com/reload`]: 'd.' }
  const web = workload({ spec, metadata: { name: 'a', uid: 'a', resourceVersion: '7', annotations } })
  const { cache, deployments, list } = startTestCache()
  deployments(web)
  list(path, 'db', 'other')
  const summary = cache.workloads.get('Deployment/shop/a')?.summary
  expect(summary && cache.usedSources(summary).compat).toMatchObject([{ use: { kind, name: 'db' } }])
  expect(cache.sources.size()).toBe(1)
})

test.each(['kube-system', 'hotreload-system'])(
  'other tools’ annotations ask for nothing in %s',
  (namespace) => {
    const annotations = { 'reloader.stakater.com/auto': 'true' }
    const metadata = { namespace, name: 'a', uid: 'a', resourceVersion: '7', annotations }
    const { cache, deployments } = startTestCache()
    deployments(
      workload({ spec, metadata }),
      workload({ spec, metadata: { ...metadata, namespace: 'shop' } }),
    )
    const uses = (where: string) => {
      const summary = cache.workloads.get(`Deployment/${where}/a`)?.summary
      return summary && cache.usedSources(summary).compat
    }
    expect(uses('shop')).toHaveLength(1)
    expect(uses(namespace)).toEqual([])
  },
)

test('a namespace’s Secrets are watched while a workload there uses some', () => {
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
  const { watched, deployments, listener } = startTestCache()
  const path = '/api/v1/namespaces/shop/secrets'
  deployments(withSecret('a'), withSecret('b'))
  listener('/api/v1/secrets').refused(403)
  expect(watched()).toContain(path)
  listener(DEPLOYMENTS).removed('shop', 'a')
  expect(watched()).toContain(path)
  listener(DEPLOYMENTS).removed('shop', 'b')
  expect(watched()).not.toContain(path)
})

test('of other namespaces that an annotation names, those that exist are watched, as long as they do', () => {
  const annotations = {
    'wave.pusher.com/update-on-config-change': 'true',
    'wave.pusher.com/extra-secrets': Array.from({ length: 5_000 }, (_, index) => `n${index}/s`).join(),
  }
  const { watched, deployments, listener } = startTestCache()
  const secretPaths = () => watched().filter((path) => path.startsWith('/api/v1/namespaces/n'))
  listener('/api/v1/secrets').refused(403)
  deployments(workload({ spec, metadata: { name: 'a', uid: 'a', resourceVersion: '7', annotations } }))
  expect(secretPaths()).toEqual([])
  listener('/api/v1/namespaces').changed({ metadata: { name: 'n3' } })
  listener('/api/v1/namespaces').changed({ metadata: { name: 'n300' } })
  expect(secretPaths()).toEqual(['/api/v1/namespaces/n3/secrets'])
  listener('/api/v1/namespaces').removed('', 'n3')
  expect(secretPaths()).toEqual([])
})

test('a workload that selects by a pattern is reconciled for new and deleted names that match, and no others', () => {
  const annotations = { 'configmap.reloader.stakater.com/reload': 'd.' }
  const web = workload({ spec, metadata: { name: 'a', uid: 'a', resourceVersion: '7', annotations } })
  const { changed, deployments, list, listener, names } = startTestCache()
  deployments(web)
  changed.length = 0
  list('/api/v1/configmaps', 'other', 'web', 'db')
  list('/api/v1/configmaps', 'other', 'web', 'db')
  expect(changed).toEqual(['Deployment/shop/a'])
  names.set('/api/v1/configmaps', ['other'])
  listener('/api/v1/configmaps').removed('shop', 'web')
  listener('/api/v1/configmaps').removed('shop', 'db')
  expect(changed).toEqual(['Deployment/shop/a', 'Deployment/shop/a'])
})

test('a pattern is matched with a name when it is new, and not at each of its versions', () => {
  const annotations = { 'configmap.reloader.stakater.com/reload': 'd.' }
  const web = workload({ spec, metadata: { name: 'a', uid: 'a', resourceVersion: '7', annotations } })
  const { changed, deployments, listener } = startTestCache()
  deployments(web)
  changed.length = 0
  const dx = { metadata: { namespace: 'shop', name: 'dx', resourceVersion: '1' } }
  listener('/api/v1/configmaps').changed(dx, true)
  expect(changed).toEqual([])
  listener('/api/v1/configmaps').changed(dx, false)
  expect(changed).toEqual(['Deployment/shop/a'])
})

test('Secrets selected by a pattern are watched, though none of their names is known yet', () => {
  const annotations = { 'secret.reloader.stakater.com/reload': 'd.' }
  const { watched, deployments, listener } = startTestCache()
  listener('/api/v1/secrets').refused(403)
  deployments(workload({ spec, metadata: { name: 'a', uid: 'a', resourceVersion: '7', annotations } }))
  expect(watched()).toContain('/api/v1/namespaces/shop/secrets')
})

const lists = [
  '/api/v1/namespaces',
  '/api/v1/configmaps',
  ...workloadKinds.map((kind) => collectionOf(kind).path),
]

test('a workload that is set aside is left out, and the others are not', () => {
  const skipped = new Set(['b'])
  const guard: Pick<Guard, 'run'> = { run: ({ uid }, compute) => (skipped.has(uid) ? undefined : compute()) }
  const { cache, deployments } = startTestCache(fakeWatches(), guard)
  deployments(named('a'), named('b'), named('c'))
  const names = () => [...cache.workloads.all()].map(({ summary }) => summary.name)
  expect(names()).toEqual(['a', 'c'])
  skipped.delete('b')
  skipped.add('c')
  deployments({ ...named('b') }, named('c'))
  expect(names()).toEqual(['a', 'b'])
})

test('a workload whose sources take too long is left out', () => {
  let runs = 0
  // The summary is the first of two computations for a workload.
  const guard: Pick<Guard, 'run'> = { run: (_, compute) => ((runs += 1) % 2 === 0 ? undefined : compute()) }
  const { cache, changed, deployments } = startTestCache(fakeWatches(), guard)
  deployments(named('a'))
  expect([cache.workloads.size(), cache.sources.size()]).toEqual([0, 0])
  expect(new Set(changed)).toEqual(new Set(['Deployment/shop/a']))
})

test('nothing is watched before start, and everything stops with stop', () => {
  const { cache, watched } = createTestCache()
  expect(watched()).toEqual([])
  expect(cache.watches()).toEqual([])
  cache.start()
  expect(watched()).toEqual(expect.arrayContaining([...lists, '/api/v1/secrets']))
  expect(cache.watches()).toHaveLength(watched().length)
  cache.stop()
  expect(watched()).toEqual([])
})

test('a watch that calls its listener at once finds everything constructed', () => {
  const metadata = { namespace: 'shop', name: 'web', uid: 'a', resourceVersion: '7' }
  const callAtOnce = (path: string, listener: Listener) => {
    const annotations = { 'reloader.stakater.com/auto': 'true', 'secret.reloader.stakater.com/reload': 'd.' }
    listener.changed(
      path === DEPLOYMENTS ? workload({ spec, metadata: { ...metadata, annotations } }) : { metadata },
    )
    if (path === '/api/v1/secrets') listener.refused(403)
    else listener.listed()
  }
  const { cache, changed, synced, watched } = startTestCache(fakeWatches(callAtOnce))
  expect(changed).toContain('Deployment/shop/web')
  expect(watched()).toContain('/api/v1/namespaces/shop/secrets')
  expect(synced()).toBe(1)
  expect(cache.isSynced()).toBe(true)
})

test('it is synced once every list is complete or refused, and complete only without a refusal', () => {
  const { cache, listener, lines, synced } = startTestCache()
  for (const path of lists.slice(1)) listener(path).listed()
  expect([synced(), cache.isSynced()]).toEqual([0, false])
  listener('/api/v1/namespaces').refused(403)
  expect([synced(), cache.isSynced(), cache.isComplete()]).toEqual([1, true, false])
  expect(lines.join()).toContain('"what":"namespaces","status":403')
  listener('/api/v1/namespaces').listed()
  expect([synced(), cache.isComplete()]).toEqual([1, true])
})

test('a namespace’s label decides whether its workloads use anything', () => {
  const { cache, changed, deployments, listener } = startTestCache()
  deployments(named('a'))
  const uses = () => {
    const summary = cache.workloads.get('Deployment/shop/a')?.summary
    return summary && cache.usedSources(summary).rollout.map(({ name }) => name)
  }
  expect(uses()).toEqual([])
  changed.length = 0
  listener('/api/v1/namespaces').changed({
    metadata: { name: 'shop', labels: { 'hotreload.dev/injection': 'enabled' } },
  })
  expect(uses()).toEqual(['web'])
  expect(changed).toEqual(['Deployment/shop/a'])
  expect(cache.sources.size()).toBe(1)
})
