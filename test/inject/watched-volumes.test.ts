import type { V1Volume, V1VolumeMount } from '@kubernetes/client-node'
import { describe, expect, test } from 'vitest'
import { watchedVolumes } from '../../src/inject/watched-volumes.ts'
import { decisionFor, nginx, podSpec } from '../support/builders.ts'

const at = (mountPath: string, subPath: string): V1VolumeMount => ({ name: 'conf', mountPath, subPath })

function watchedIn(volume: V1Volume, ...volumeMounts: V1VolumeMount[]) {
  const spec = podSpec({ containers: [nginx({ volumeMounts })], volumes: [volume] })
  const [plan] = decisionFor(spec).plan.containers
  return plan ? watchedVolumes(plan) : []
}

describe('the keys of a volume are limited to those of the container', () => {
  test('of a ConfigMap and of a Secret', () => {
    const mounts = [at('/etc/nginx/a.conf', 'a.conf'), at('/etc/nginx/b.conf', './b.conf')]
    const items = [
      { key: 'a.conf', path: 'a.conf' },
      { key: 'b.conf', path: 'b.conf' },
    ]
    const [configMap] = watchedIn({ name: 'conf', configMap: { name: 'web', defaultMode: 0o440 } }, ...mounts)
    expect(configMap?.mounted).toEqual({
      name: 'hotreload-vol-web-conf',
      configMap: { name: 'web', defaultMode: 0o440, items },
    })
    expect(configMap?.isSecret).toBe(false)
    const [secret] = watchedIn({ name: 'conf', secret: { secretName: 'tls' } }, ...mounts)
    expect(secret?.mounted.secret).toEqual({ secretName: 'tls', items })
    expect(secret?.isSecret).toBe(true)
  })

  test('but not if the container has the whole volume, or an unknown key', () => {
    const whole = watchedIn(
      { name: 'conf', configMap: { name: 'web' } },
      { name: 'conf', mountPath: '/etc/nginx/conf.d' },
      at('/etc/nginx/a.conf', 'a.conf'),
    )
    expect(whole[0]?.mounted.name).toBe('conf')
    const expression = watchedIn(
      { name: 'conf', configMap: { name: 'web' } },
      { name: 'conf', mountPath: '/etc/nginx/a.conf', subPathExpr: '$(NAME)' },
    )
    expect(expression[0]?.mounted.name).toBe('conf')
  })

  test('and keep the modes of their items', () => {
    const items = [
      { key: 'a', path: 'a.conf', mode: 0o400 },
      { key: 'b', path: 'b.conf' },
    ]
    const [found] = watchedIn(
      { name: 'conf', configMap: { name: 'web', items } },
      at('/etc/nginx/a.conf', 'a.conf'),
    )
    expect(found?.mounted.configMap?.items).toEqual([{ key: 'a', path: 'a.conf', mode: 0o400 }])
  })
})

test.each<V1Volume>([
  { name: 'conf', configMap: { name: 'web', items: [] } },
  { name: 'conf', projected: { sources: [{ configMap: { name: 'web', items: [] } }] } },
])('an empty list of items is none: %j', (volume) => {
  const [found] = watchedIn(volume, at('/etc/nginx/a.conf', 'a.conf'))
  const { configMap, projected } = found?.mounted ?? {}
  const items = (configMap ?? projected?.sources?.[0]?.configMap)?.items
  expect(items).toEqual([{ key: 'a.conf', path: 'a.conf' }])
})

describe('a projected volume', () => {
  const sourcesOf = (sources: NonNullable<V1Volume['projected']>['sources']) =>
    watchedIn({ name: 'conf', projected: sources ? { sources } : {} }, at('/etc/nginx/a.conf', 'a.conf'))[0]

  test('loses its token and all unused sources', () =>
    expect(
      sourcesOf([
        { serviceAccountToken: { path: 'token' } },
        { downwardAPI: { items: [{ path: 'labels' }] } },
        { configMap: { name: 'web' } },
      ])?.mounted.projected?.sources,
    ).toEqual([{ configMap: { name: 'web', items: [{ key: 'a.conf', path: 'a.conf' }] } }]))

  test('with one source requires its key, as the kubelet does', () =>
    expect(
      sourcesOf([{ configMap: { name: 'web' } }])?.mounted.projected?.sources?.[0]?.configMap,
    ).not.toHaveProperty('optional'))

  // The API server refuses a path that two sources name (ValidateProjectedVolumeSource, 'conflicting duplicate paths').
  test.each([
    ['both without items', { name: 'sites' }, { name: 'sites' }],
    ['one with an empty list of items', { name: 'sites', items: [] }, { name: 'sites', items: [] }],
    [
      'one of them with items',
      { name: 'sites', items: ['a', 'b'].map((key) => ({ key, path: `${key}.conf` })) },
      { name: 'sites', items: [{ key: 'a', path: 'a.conf' }] },
    ],
  ])('with two sources that may have the key, %s, names it in at most one', (_, second, limited) =>
    expect(
      sourcesOf([{ configMap: { name: 'web' } }, { configMap: second }])?.mounted.projected?.sources,
    ).toEqual([{ configMap: { name: 'web' } }, { configMap: limited }]),
  )

  test('names a key once although it is mounted twice', () => {
    const mounts = [at('/etc/nginx/a.conf', 'a.conf'), at('/etc/nginx/again.conf', 'a.conf')]
    const [found] = watchedIn(
      { name: 'conf', projected: { sources: [{ configMap: { name: 'web' } }] } },
      ...mounts,
    )
    expect(found?.mounted.projected?.sources?.[0]?.configMap?.items).toEqual([
      { key: 'a.conf', path: 'a.conf' },
    ])
  })

  test('counts as a Secret if it holds one, and ignores paths that change by themselves', () => {
    const [found] = watchedIn(
      {
        name: 'conf',
        projected: {
          sources: [
            { serviceAccountToken: { path: 'token' } },
            { downwardAPI: { items: [{ path: 'pod/labels' }] } },
            { clusterTrustBundle: { path: 'ca.pem' } },
            {
              podCertificate: {
                keyType: 'ED25519',
                signerName: 's',
                keyPath: 'key',
                certificateChainPath: 'chain',
              },
            },
            { configMap: { name: 'web' } },
            { secret: { name: 'tls' } },
          ],
        },
      },
      { name: 'conf', mountPath: '/etc/nginx/conf.d' },
    )
    expect(found?.isSecret).toBe(true)
    expect(found?.ignored).toEqual(['token', 'pod/labels', 'ca.pem', 'key', 'chain'])
  })
})

test.each<[what: string, volume: V1Volume]>([
  ['a CSI volume', { name: 'conf', csi: { driver: 'secrets-store.csi.k8s.io' } }],
  ['a projected Secret', { name: 'conf', projected: { sources: [{ secret: { name: 'x' } }] } }],
])('the checksum of %s is never shown', (_, volume) =>
  expect(watchedIn(volume, { name: 'conf', mountPath: '/etc/nginx/conf.d' })[0]?.isSecret).toBe(true),
)
