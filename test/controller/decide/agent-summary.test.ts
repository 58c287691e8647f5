// What each agent of a workload watches, so that a change is asked only of those that it concerns.
import { expect, test } from 'vitest'
import { allUses, usedSources } from '../../../src/controller/decide/used-sources.ts'
import { keysetOf } from '../../../src/workload/sources-in-use.ts'
import { keys, nginx, podSpec } from '../../support/builders.ts'
import { summaryOf } from '../../support/summaries.ts'

const signal = (...containers: string[]) =>
  keys({
    inject: 'true',
    ...Object.fromEntries(containers.map((name) => [`signal.${name}`, 'SIGHUP'])),
  })
const file = (key: string) => ({ name: 'conf', mountPath: `/srv/${key}`, subPath: key })

test('an agent watches the sources of its container’s volumes', () => {
  const spec = podSpec({
    containers: [
      nginx({ volumeMounts: [{ name: 'all', mountPath: '/etc/all' }] }),
      nginx({ name: 'other', volumeMounts: [{ name: 'conf', mountPath: '/etc/conf' }] }),
    ],
    volumes: [
      {
        name: 'all',
        projected: { sources: [{ configMap: { name: 'web' } }, { secret: { name: 'tls', optional: true } }] },
      },
      { name: 'conf', configMap: { name: 'web', items: [{ key: 'a', path: 'a.conf' }] } },
    ],
  })
  expect(summaryOf({ template: signal('web', 'other'), spec }).native?.agents).toMatchObject([
    {
      container: 'web',
      watched: [
        { kind: 'ConfigMap', name: 'web', volume: 'all', restarts: undefined },
        { kind: 'Secret', name: 'tls', volume: 'all' },
      ],
    },
    { container: 'other', watched: [{ kind: 'ConfigMap', name: 'web', keys: ['a'], volume: 'conf' }] },
  ])
})

test('it says which annotation restarts a process', () => {
  const spec = podSpec({ containers: [nginx({ envFrom: [{ configMapRef: { name: 'envs' } }] })] })
  const of = (annotations: Record<string, string>) =>
    summaryOf({ template: keys({ inject: 'true', ...annotations }), spec }).native?.agents[0]?.watched.map(
      ({ volume, restarts }) => [volume, restarts],
    )
  const variables = ['hotreload-env-web-configmap-envs', 'hotreload.dev/env']
  expect(of({ signal: 'SIGHUP', env: 'restart' })).toEqual([['conf', undefined], variables])
  expect(of({ reload: 'restart', env: 'restart' })).toEqual([['conf', 'hotreload.dev/reload'], variables])
})

const everywhere = { native: true, compat: true, isNamespace: () => true }
const keysetsOf = (summary: ReturnType<typeof summaryOf>) =>
  allUses(usedSources(summary, everywhere, () => [])).map(keysetOf)

test('the controller compares what single agents watch, besides what the workload uses', () => {
  const container = (name: string, ...names: string[]) => nginx({ name, volumeMounts: names.map(file) })
  const one = podSpec({ containers: [container('web', 'a', 'b')] })
  expect(keysetsOf(summaryOf({ template: signal('web'), spec: one }))).toEqual(['a,b'])
  const three = podSpec({ containers: [container('web', 'a'), container('b', 'b'), container('c', 'b')] })
  expect(keysetsOf(summaryOf({ template: signal('web', 'b', 'c'), spec: three }))).toEqual(['a,b', 'a', 'b'])
})

test('the parts of one workload are bounded: what is beyond the bound counts as the whole', () => {
  const mounts = (container: number) =>
    Array.from({ length: 4 }, (_, index) => ({ ...file(`k${container}`), name: `conf${index}` }))
  const containers = Array.from({ length: 60 }, (_, index) =>
    nginx({
      name: `c${index}`,
      volumeMounts: mounts(index).map((mount, at) => ({ ...mount, mountPath: `/srv/${at}` })),
    }),
  )
  const volumes = Array.from({ length: 4 }, (_, index) => ({
    name: `conf${index}`,
    configMap: { name: `web${index}` },
  }))
  const template = signal(...containers.map(({ name }) => name))
  const summary = summaryOf({ template, spec: podSpec({ containers, volumes }) })
  expect(summary.native?.agents).toHaveLength(60)
  expect(keysetsOf(summary)).toHaveLength(4 + 100)
  expect(summary.native?.agents.at(-1)?.watched[0]?.keys).toHaveLength(60)
})
