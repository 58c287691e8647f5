import type { V1Container, V1VolumeMount } from '@kubernetes/client-node'
import { describe, expect, test } from 'vitest'
import { planAgents } from '../../src/inject/agent.ts'
import { repeated, separateInitVolumes } from '../../src/inject/subpath.ts'
import { decisionFor, nginx, podSpec } from '../support/builders.ts'

const at = (mountPath: string, subPath?: string): V1VolumeMount => ({
  name: 'conf',
  mountPath,
  ...(subPath ? { subPath } : {}),
})

function rewrite(
  volumeMounts: V1VolumeMount[],
  short: Record<string, string>,
  change: { secret?: boolean; container?: Partial<V1Container> } = {},
) {
  const spec = podSpec({
    containers: [nginx({ volumeMounts, ...change.container })],
    volumes: [
      { name: 'conf', ...(change.secret ? { secret: { secretName: 's' } } : { configMap: { name: 'web' } }) },
    ],
  })
  return planAgents(decisionFor(spec, short).plan)[0]?.rewrite
}

describe('a subPath mount', () => {
  test('that is linked becomes a mount of its directory, and the volume itself', () =>
    expect(rewrite([at('/etc/nginx/a.conf', 'a.conf')], { subpath: 'symlink' })).toMatchObject({
      volumeMounts: [
        { name: 'hotreload-dir-web', mountPath: '/etc/nginx', subPath: 'etc/nginx' },
        { name: 'hotreload-vol-web-conf', mountPath: '/.hotreload/vol/conf', readOnly: true },
      ],
      volumes: [{ name: 'hotreload-dir-web', emptyDir: {} }],
      parents: ['/etc/nginx'],
    }))

  test('that is copied becomes a mount of a file that the agent rewrites', () =>
    expect(rewrite([at('/etc/nginx/a.conf', 'a.conf')], { subpath: 'copy' })).toMatchObject({
      volumeMounts: [
        {
          name: 'hotreload-copy-web',
          mountPath: '/etc/nginx/a.conf',
          subPath: 'etc/nginx/a.conf',
          readOnly: true,
        },
      ],
      volumes: [{ name: 'hotreload-copy-web', emptyDir: {} }],
      parents: [],
    }))

  test.each(['symlink', 'copy'])('with a relative path is of /, as for the kubelet: %s', (subpath) => {
    const [relative, absolute] = ['etc/nginx/a.conf', '/etc/nginx/a.conf'].map((mountPath) =>
      rewrite([at(mountPath, 'a.conf')], { subpath }),
    )
    const subPaths = (one = relative) => one?.volumeMounts.map(({ subPath }) => subPath)
    expect(subPaths(relative)).toEqual(subPaths(absolute))
    expect(relative?.parents).toEqual(absolute?.parents)
  })

  test('of a Secret is copied in memory only', () =>
    expect(rewrite([at('/etc/nginx/key', 'key')], { subpath: 'copy' }, { secret: true })?.volumes).toEqual([
      { name: 'hotreload-copy-web', emptyDir: { medium: 'Memory' } },
    ]))

  test('of a read-only root gets a read-only directory', () =>
    expect(
      rewrite(
        [at('/etc/nginx/a.conf', 'a.conf')],
        { subpath: 'symlink' },
        { container: { securityContext: { readOnlyRootFilesystem: true } } },
      )?.volumeMounts[0]?.readOnly,
    ).toBe(true))

  test('inside another one’s directory shares that directory', () => {
    const mounts = [at('/etc/nginx/a.conf', 'a.conf'), at('/etc/nginx/d/b.conf', 'b.conf')]
    const { parents, volumeMounts } = rewrite(mounts, { subpath: 'symlink' }) ?? {}
    expect(parents).toEqual(['/etc/nginx'])
    expect(volumeMounts?.map(({ name }) => name)).toEqual(['hotreload-dir-web', 'hotreload-vol-web-conf'])
  })

  test.each(['/etc/nginx/d', 'etc/nginx/d'])('knows the mount %s below its directory', (mountPath) => {
    const mounts = [at('/etc/nginx/a.conf', 'a.conf'), at(mountPath)]
    expect(rewrite(mounts, { subpath: 'symlink' })?.below).toEqual([{ ...at(mountPath), readOnly: true }])
  })

  test('leaves a container without one as it is', () =>
    expect(rewrite([at('/etc/nginx')], {})).toBeUndefined())
})

test('a mount that is repeated in a container of ours does not propagate', () =>
  expect(repeated([{ ...at('/a'), mountPropagation: 'Bidirectional' }])).toEqual([at('/a')]))

describe('init containers', () => {
  const init = (mount: V1VolumeMount) =>
    podSpec({ initContainers: [nginx({ name: 'prepare', volumeMounts: [mount] })] })

  test('with a subPath of a watched volume get a volume of their own', () => {
    const spec = separateInitVolumes(init(at('/seed', 'seed.sh')), new Set(['conf']))
    expect(spec.volumes?.map(({ name }) => name)).toEqual(['conf', 'hotreload-init-conf'])
    expect(spec.initContainers?.[0]?.volumeMounts?.[0]?.name).toBe('hotreload-init-conf')
  })

  test.each<[what: string, mount: V1VolumeMount, watched: string]>([
    ['a whole volume', at('/seed'), 'conf'],
    ['a volume that nobody watches', at('/seed', 'seed.sh'), 'other'],
  ])('with %s stay the same object', (_, mount, watched) => {
    const spec = init(mount)
    expect(separateInitVolumes(spec, new Set([watched]))).toBe(spec)
  })
})
