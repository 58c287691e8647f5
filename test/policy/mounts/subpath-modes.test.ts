import type { V1Container, V1PodSpec, V1Volume, V1VolumeMount } from '@kubernetes/client-node'
import { describe, expect, test } from 'vitest'
import { decideSubPaths } from '../../../src/policy/mounts/subpath-modes.ts'
import { nginx, podSpec } from '../../support/builders.ts'

const at = (mountPath: string, subPath = 'a.conf', name = 'conf'): V1VolumeMount => ({
  name,
  mountPath,
  subPath,
})

function modes(
  volumeMounts: V1VolumeMount[],
  {
    asked = 'auto',
    container = {},
    spec = {},
  }: {
    asked?: 'auto' | 'symlink' | 'copy' | 'keep'
    container?: Partial<V1Container>
    spec?: Partial<V1PodSpec>
  } = {},
): string[] {
  const target = nginx({ volumeMounts, ...container })
  const whole = podSpec({ containers: [target], ...spec })
  const watched = new Map((whole.volumes ?? []).map((volume) => [volume.name, volume]))
  return decideSubPaths({
    container: target,
    spec: whole,
    watched,
    mode: asked,
    keptBecause: () => undefined,
  }).map(({ mode, reason }) => (reason ? `${mode}: ${reason}` : mode))
}

const nonRoot = { container: { securityContext: { runAsNonRoot: true } } }
const readOnlyNonRoot = {
  container: { securityContext: { runAsNonRoot: true, readOnlyRootFilesystem: true } },
}
const directory: V1Volume = {
  name: 'conf',
  configMap: {
    name: 'web',
    items: [
      { key: 'a', path: 'dir/a.conf' },
      { key: 'b', path: 'b.conf' },
    ],
  },
}

describe('subpath: auto links a file if a copy of its directory is exact', () => {
  test.each<[what: string, path: string, options: Parameters<typeof modes>[1], mode: string]>([
    ['a directory of its own, as root', '/etc/nginx/nginx.conf', {}, 'symlink'],
    ['a read-only root filesystem', '/etc/nginx/nginx.conf', readOnlyNonRoot, 'symlink'],
    ['a user that is not root', '/etc/nginx/nginx.conf', nonRoot, 'copy'],
    ['user 1000', '/etc/nginx/nginx.conf', { spec: { securityContext: { runAsUser: 1000 } } }, 'copy'],
    ['user 0', '/etc/nginx/nginx.conf', { spec: { securityContext: { runAsUser: 0 } } }, 'symlink'],
    [
      'a limit on ephemeral storage',
      '/etc/nginx/nginx.conf',
      { container: { resources: { limits: { 'ephemeral-storage': '1Gi' } } } },
      'copy',
    ],
    ['a file in /', '/config.yaml', {}, 'copy'],
    ['a file in /etc', '/etc/app.conf', {}, 'copy'],
    ['/usr/share/x', '/usr/share/x/a.conf', {}, 'copy'],
    ['/lib64', '/lib64/a.conf', {}, 'copy'],
    ['/opt/app', '/opt/app/a.conf', {}, 'copy'],
    ['/var/lib/app', '/var/lib/app/a.conf', {}, 'copy'],
    ['/home/app', '/home/app/a.conf', {}, 'copy'],
    ['/app', '/app/a.conf', {}, 'copy'],
    ['/bitnami/nginx', '/bitnami/nginx/a.conf', {}, 'copy'],
    ['/application, which is not /app', '/application/a.conf', {}, 'symlink'],
    ['/usrlocal, which is not /usr', '/usrlocal/a.conf', {}, 'symlink'],
    ['a path with needless slashes', '//etc/nginx//a.conf/', {}, 'symlink'],
  ])('%s', (_, path, options, mode) => expect(modes([at(path)], options)).toEqual([mode]))
})

describe('a script or a mapped file', () => {
  const volumes = [{ name: 'conf', configMap: { name: 'web', defaultMode: 0o755 } }]
  const kept = 'keep: a shell reads a script while it runs it'

  test('is never copied, so that its change rolls out', () => {
    expect(modes([at('/app/run', 'run')], { spec: { volumes } })).toEqual([kept])
    expect(modes([at('/app/run', 'run')], { spec: { volumes }, asked: 'copy' })).toEqual([kept])
    expect(modes([at('/app/run', 'run.sh')])).toEqual([kept])
  })

  test('is linked where a symlink is exact or requested', () => {
    expect(modes([at('/etc/app/run', 'run')], { spec: { volumes } })).toEqual(['symlink'])
    expect(modes([at('/app/run', 'run')], { spec: { volumes }, asked: 'symlink' })).toEqual(['symlink'])
  })
})

describe('a subPath mount inside another mount', () => {
  const cache = { name: 'cache', mountPath: '/etc/nginx' }

  test('is copied, never linked', () => {
    expect(modes([at('/etc/nginx/a.conf'), cache])).toEqual(['copy'])
    expect(modes([at('/etc/nginx/deep/a.conf'), cache])).toEqual(['copy'])
    expect(modes([at('/etc/nginx/a.conf'), cache], { asked: 'symlink' })).toEqual([
      'keep: no symlink can be made, it lies in another mount',
    ])
  })

  test('may lie in a missing key, which the kubelet creates as a directory', () =>
    expect(modes([at('/etc/nginx', 'none'), at('/etc/nginx/a.conf')])).toEqual(['copy', 'copy']))

  test('does not lie in a sibling that is a file of a ConfigMap', () =>
    expect(modes([at('/etc/nginx/a.conf'), at('/etc/nginx/b.conf', 'b.conf')])).toEqual([
      'symlink',
      'symlink',
    ]))

  test('does not lie in a mount below its directory', () =>
    expect(modes([at('/etc/nginx/a.conf'), { name: 'cache', mountPath: '/etc/nginx/cache' }])).toEqual([
      'symlink',
    ]))
})

describe('a mode that the annotation names', () => {
  test('symlink is possible except in / and in another mount', () => {
    expect(modes([at('/opt/app/a.conf')], { asked: 'symlink', ...nonRoot })).toEqual(['symlink'])
    expect(modes([at('/a.conf')], { asked: 'symlink' })).toEqual([
      'keep: no symlink can be made, it lies in /',
    ])
  })

  test('copy is possible except for directories', () => {
    expect(modes([at('/etc/nginx/a.conf')], { asked: 'copy' })).toEqual(['copy'])
    expect(modes([at('/etc/nginx/dir', 'dir')], { asked: 'copy', spec: { volumes: [directory] } })).toEqual([
      'keep: it is a directory, and only files are copied',
    ])
  })

  test('keep leaves the mount as it is', () =>
    expect(modes([at('/etc/nginx/a.conf')], { asked: 'keep' })).toEqual([
      'keep: hotreload.dev/subpath says keep',
    ]))
})

describe('a subPath that is a directory', () => {
  const spec = { volumes: [directory] }

  test('is linked if its parent directory can be copied', () => {
    expect(modes([at('/etc/nginx/dir', 'dir')], { spec })).toEqual(['symlink'])
    expect(modes([at('/etc/nginx/dir', 'dir')], { spec, ...nonRoot })).toEqual(['symlink'])
  })

  test('links its neighbours too, because their directory is copied anyway', () => {
    const mounts = [
      at('/etc/nginx/dir', 'dir'),
      at('/etc/nginx/b.conf', 'b.conf'),
      at('/etc/b.conf', 'b.conf'),
    ]
    expect(modes(mounts, { spec, ...nonRoot })).toEqual(['symlink', 'symlink', 'copy'])
  })

  test('is kept if its parent directory can’t be copied', () =>
    expect(modes([at('/opt/dir', 'dir')], { spec })).toEqual([
      'keep: it is a directory, which can be neither linked nor copied there',
    ]))
})

describe('a subPath that can’t be updated is kept', () => {
  test.each<[what: string, subPath: string, volume: V1Volume, reason: string]>([
    ['the whole volume', '.', directory, 'keep: subPath names the whole volume'],
    ['a path that no item has', 'c.conf', directory, 'keep: the volume has no such path'],
    [
      'a path that can’t be a key',
      'dir/a.conf',
      { name: 'conf', configMap: { name: 'web' } },
      'keep: the volume has no such path',
    ],
    [
      'a CSI volume',
      'a.conf',
      { name: 'conf', csi: { driver: 'secrets-store.csi.k8s.io' } },
      'keep: a CSI driver need not swap its files',
    ],
  ])('%s', (_, subPath, volume, mode) =>
    expect(modes([at('/etc/nginx/x', subPath)], { spec: { volumes: [volume] } })).toEqual([mode]),
  )

  test.each(['auto', 'symlink', 'copy'] as const)('a mountPath with a .. or a colon, by %s', (asked) =>
    expect(modes([at('/etc/nginx/../app/a.conf'), at('/etc/a:b/a.conf')], { asked })).toEqual([
      'keep: its mountPath has a ..',
      'keep: its mountPath has a colon',
    ]),
  )

  test.each<[string, V1Volume]>([
    ['a PersistentVolumeClaim', { name: 'conf', persistentVolumeClaim: { claimName: 'data' } }],
    ['an emptyDir', { name: 'conf', emptyDir: {} }],
    ['a volume of a StatefulSet’s claim template', { name: 'other', emptyDir: {} }],
  ])('a subPath of %s is ignored', (_, volume) =>
    expect(modes([at('/etc/nginx/a.conf')], { spec: { volumes: [volume] } })).toEqual([]),
  )
})

test('a subPathExpr counts as a file', () => {
  const mount = { name: 'conf', mountPath: '/etc/nginx/a.conf', subPathExpr: '$(POD_NAME).conf' }
  expect(modes([mount])).toEqual(['symlink'])
  expect(modes([mount], nonRoot)).toEqual(['copy'])
})
