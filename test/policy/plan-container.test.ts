import type { V1PodSpec, V1Volume } from '@kubernetes/client-node'
import { describe, expect, test } from 'vitest'
import { decisionFor, nginx, podSpec } from '../support/builders.ts'

const conf: V1Volume = { name: 'conf', configMap: { name: 'web' } }

const agents = (spec: V1PodSpec, short: Record<string, string> = {}, bare = false) =>
  decisionFor(spec, short, { bare })
    .plan.containers.filter(({ agent }) => agent)
    .map(({ container }) => container.name)

describe('the watched volumes', () => {
  const spec = podSpec({
    volumes: [conf, { name: 'vault', emptyDir: {} }],
    containers: [
      nginx({
        volumeMounts: [
          { name: 'conf', mountPath: '/conf' },
          { name: 'vault', mountPath: '/vault' },
        ],
      }),
    ],
  })
  const watched = (short: Record<string, string>) =>
    decisionFor(spec, short).plan.containers.flatMap(({ volumes }) => volumes.map(({ name }) => name))

  test('are those of ConfigMaps and Secrets, or exactly those that the annotation names', () => {
    expect(watched({})).toEqual(['conf'])
    expect(watched({ volumes: 'vault' })).toEqual(['vault'])
    expect(watched({ volumes: 'conf,vault' })).toEqual(['conf', 'vault'])
  })
})

describe('notes about subPath mounts', () => {
  const file = (mountPath: string) =>
    podSpec({ containers: [nginx({ volumeMounts: [{ name: 'conf', mountPath, subPath: 'a.conf' }] })] })

  test('name the mount that is kept, and the reason', () =>
    expect(decisionFor(file('/a.conf'), { subpath: 'symlink' }).notes).toEqual([
      'container web: subPath mount /a.conf is not updated in place: no symlink can be made, it lies in /',
    ]))

  test('warn about a file rewritten in place if the program reads it at any time', () =>
    expect(decisionFor(file('/a.conf'), { reload: 'none' }).notes).toEqual([
      'container web: its subPath files are rewritten in place, and it may read one half-written: https://github.com/hotreload/hotreload/blob/main/docs/limits.md',
    ]))

  test('name the mounts of a bare Pod, which its next apply could not change', () => {
    const spec = podSpec({
      containers: [
        nginx({
          volumeMounts: [
            { name: 'conf', mountPath: '/etc/nginx/conf.d' },
            { name: 'conf', mountPath: '/etc/nginx/a.conf', subPath: 'a.conf' },
          ],
        }),
      ],
    })
    const { plan, notes } = decisionFor(spec, {}, { bare: true })
    expect(plan.containers[0]?.subPaths.map(({ mode }) => mode)).toEqual(['keep'])
    expect(notes).toEqual([
      'container web: subPath mount /etc/nginx/a.conf is not updated in place: the mounts of a bare Pod are left as they are',
    ])
    expect(agents(spec, {}, true)).toEqual(['web'])
  })
})

describe('the Pods of a workload take turns', () => {
  const planOf = (short: Record<string, string>) =>
    decisionFor(podSpec({ containers: [withEnv] }), short).plan.containers[0]
  const withEnv = nginx({ command: ['nginx'], envFrom: [{ configMapRef: { name: 'env' } }] })

  test.each<[short: Record<string, string>, stagger: number, restartStagger: number]>([
    [{}, 0, 0],
    [{ reload: 'restart' }, 60, 0],
    [{ reload: 'probe' }, 60, 0],
    [{ reload: 'supervise' }, 60, 0],
    [{ reload: 'restart', stagger: '2m' }, 120, 0],
    [{ env: 'restart' }, 0, 60],
    [{ env: 'restart', stagger: '0' }, 0, 0],
    [{ env: 'restart', reload: 'restart' }, 60, 0],
  ])('%j: over %d s, for variables only over %d s', (short, stagger, restartStagger) =>
    expect(planOf(short)).toMatchObject({ stagger, restartStagger }),
  )
})
