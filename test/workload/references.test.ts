import type { V1Volume, V1VolumeProjection } from '@kubernetes/client-node'
import { describe, expect, test } from 'vitest'
import {
  isAtOrBelow,
  isConfigVolume,
  isTokenVolume,
  normalMountPath,
  normalPath,
  parentOf,
  type Reference,
  references,
  volumeSources,
} from '../../src/workload/references.ts'
import { nginx, podSpec } from '../support/builders.ts'

const conf: V1Volume = { name: 'conf', configMap: { name: 'web' } }

describe('volumeSources', () => {
  test.each<[string, V1Volume, string[]]>([
    ['a ConfigMap', conf, ['ConfigMap web']],
    ['a Secret', { name: 'v', secret: { secretName: 'tls' } }, ['Secret tls']],
    [
      'a projected volume',
      {
        name: 'v',
        projected: {
          sources: [
            { configMap: { name: 'a' } },
            { secret: { name: 'b' } },
            { serviceAccountToken: { path: 'token' } },
            { downwardAPI: {} },
          ],
        },
      },
      ['ConfigMap a', 'Secret b'],
    ],
    ['an emptyDir', { name: 'v', emptyDir: {} }, []],
    ['a projected volume with null sources', JSON.parse('{"name":"v","projected":{"sources":null}}'), []],
    ['a PersistentVolumeClaim', { name: 'v', persistentVolumeClaim: { claimName: 'data' } }, []],
  ])('of %s', (_, volume, sources) =>
    expect(volumeSources(volume).map(({ kind, name }) => `${kind} ${name}`)).toEqual(sources),
  )
})

test('an empty list of items limits nothing, as for the kubelet', () =>
  expect(volumeSources({ name: 'conf', configMap: { name: 'web', items: [] } })).toEqual(volumeSources(conf)))

test('a volume of the Secrets Store CSI driver is configuration, a volume of another driver is not', () => {
  expect(isConfigVolume({ name: 'v', csi: { driver: 'secrets-store.csi.k8s.io' } })).toBe(true)
  expect(isConfigVolume({ name: 'v', csi: { driver: 'ebs.csi.aws.com' } })).toBe(false)
})

describe('the volume of a ServiceAccount', () => {
  const token = { serviceAccountToken: { path: 'token' } }
  const ca = { configMap: { name: 'kube-root-ca.crt' } }
  const namespace = { downwardAPI: { items: [] } }
  test.each<[what: string, name: string, sources: V1VolumeProjection[], isToken: boolean]>([
    ['that admission added', 'kube-api-access-x7k2p', [token, ca, namespace], true],
    ['that a chart wrote', 'access', [token, ca, namespace], true],
    ['of a token alone', 'access', [token], true],
    ['with configuration beside it', 'access', [token, ca, { configMap: { name: 'web' } }], false],
    ['with a Secret beside it', 'access', [token, { secret: { name: 'web' } }], false],
    ['but without a token', 'access', [ca], false],
  ])('%s', (_, name, sources, isToken) =>
    expect(isTokenVolume({ name, projected: { sources } })).toBe(isToken),
  )
})

describe('references', () => {
  const only = (...found: Reference[]) =>
    found.map(({ kind, name, keys, as }) => `${as} ${kind}/${name}${keys ? ` ${keys.join('+')}` : ''}`)

  test('a directory uses every key, or those of its items', () => {
    expect(only(...references(podSpec()))).toEqual(['volume ConfigMap/web'])
    const items = [{ key: 'a', path: 'x/a.conf' }]
    expect(
      only(...references(podSpec({ volumes: [{ name: 'conf', configMap: { name: 'web', items } }] }))),
    ).toEqual(['volume ConfigMap/web a'])
  })

  test.each<[subPath: string, keys: string[]]>([
    ['x/a.conf', ['subPath ConfigMap/web a']],
    ['./x//a.conf/', ['subPath ConfigMap/web a']],
    ['x', ['subPath ConfigMap/web a+b']],
    ['y', []],
  ])('subPath %s of items uses the keys behind it', (subPath, found) => {
    const items = [
      { key: 'a', path: 'x/a.conf' },
      { key: 'b', path: 'x/b.conf' },
      { key: 'c', path: 'xx' },
    ]
    const volumeMounts = [{ name: 'conf', mountPath: '/m', subPath }]
    const spec = podSpec({
      containers: [nginx({ volumeMounts })],
      volumes: [{ name: 'conf', configMap: { name: 'web', items } }],
    })
    expect(only(...references(spec))).toEqual(found)
  })

  test('subPath without items is a key, subPathExpr may be any', () => {
    const volumeMounts = [
      { name: 'conf', mountPath: '/a', subPath: 'a.conf' },
      { name: 'conf', mountPath: '/b', subPathExpr: '$(NAME).conf' },
    ]
    expect(only(...references(podSpec({ containers: [nginx({ volumeMounts })] })))).toEqual([
      'subPath ConfigMap/web a.conf',
      'subPath ConfigMap/web',
    ])
  })

  test('variables use one key with env, all keys with envFrom; optional ones are marked', () => {
    const container = nginx({
      volumeMounts: [],
      env: [
        { name: 'PLAIN', value: 'x' },
        { name: 'A', valueFrom: { configMapKeyRef: { name: 'web', key: 'a' } } },
        { name: 'B', valueFrom: { secretKeyRef: { name: 'db', key: 'b', optional: true } } },
        { name: 'C', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      ],
      envFrom: [{ configMapRef: { name: 'all' } }, { secretRef: { name: 'keys', optional: true } }],
    })
    const found = references(podSpec({ containers: [container] }))
    expect(only(...found)).toEqual([
      'env ConfigMap/web a',
      'env Secret/db b',
      'envFrom ConfigMap/all',
      'envFrom Secret/keys',
    ])
    expect(found.map(({ optional }) => optional)).toEqual([false, true, false, true])
  })

  test('init containers come first and are marked; mounts of unknown volumes use nothing', () => {
    const spec = podSpec({
      initContainers: [
        nginx({ name: 'prepare' }),
        nginx({ name: 'lost', volumeMounts: [{ name: 'no', mountPath: '/' }] }),
      ],
    })
    expect(references(spec).map(({ container, init }) => [container, init])).toEqual([
      ['prepare', true],
      ['web', false],
    ])
  })
})

test('our own containers use nothing: their mounts are for watching', () => {
  const ours = ['hotreload-install', 'hotreload-link-web', 'hotreload-agent', 'hotreload-agent-web']
  const spec = podSpec({ initContainers: [...ours, 'hotreload-linker'].map((name) => nginx({ name })) })
  expect(references(spec).map(({ container }) => container)).toEqual(['hotreload-linker', 'web'])
})

test.each([
  ['conf/nginx.conf', 'conf/nginx.conf'],
  ['./conf//nginx.conf/', 'conf/nginx.conf'],
  ['/etc/nginx/', '/etc/nginx'],
  ['/', '/'],
  ['.', ''],
  ['', ''],
])('normalPath(%j) is %j', (path, normal) => expect(normalPath(path)).toBe(normal))

test.each([
  ['/etc/nginx/', '/etc/nginx'],
  ['etc/nginx', '/etc/nginx'],
  ['./etc/./nginx', '/etc/nginx'],
  ['/etc/x/../nginx', '/etc/nginx'],
  ['/a/../../..', '/'],
  ['/etc/..data/a', '/etc/..data/a'],
  ['/etc/a..', '/etc/a..'],
])('normalMountPath(%j) is %j', (path, normal) => expect(normalMountPath(path)).toBe(normal))

test('a path that is too long to exist is not read: a manifest can have one of 3 MiB', () => {
  const longest = `/${'a/./'.repeat(1_023)}ab`
  expect(normalPath(longest)).toBe(`/${'a/'.repeat(1_023)}ab`)
  expect(normalPath(`${longest}/.`)).toBe(`${longest}/.`)
})

test.each([
  ['/etc/nginx', '/etc/nginx', true],
  ['/etc/nginx/conf.d', '/etc/nginx', true],
  ['/etc/nginx-extra', '/etc/nginx', false],
  ['/etc', '/', true],
  ['a', '', true],
])('isAtOrBelow(%s, %s) is %s', (path, directory, is) => expect(isAtOrBelow(path, directory)).toBe(is))

test.each([
  ['/etc/nginx/nginx.conf', '/etc/nginx'],
  ['/config', '/'],
])('parentOf(%s) is %s', (path, parent) => expect(parentOf(path)).toBe(parent))
