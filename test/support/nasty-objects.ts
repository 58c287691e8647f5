/** Objects that no person writes, and what they are made of: for tests of bounds. */
import type {
  V1Container,
  V1EnvFromSource,
  V1EnvVar,
  V1PodSpec,
  V1VolumeMount,
} from '@kubernetes/client-node'
import type { ApiObject } from '../../src/workload/pod-template.ts'
import { keys, nginx, podSpec, workload } from './builders.ts'

export const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index))

const inject = keys({ inject: 'true' })
const signalled = keys({ inject: 'true', signal: 'SIGHUP' })

export const asked = (spec: V1PodSpec, own = inject): ApiObject => workload({ own, spec })
const annotated = (own: Record<string, string>): ApiObject => workload({ own: { ...inject, ...own } })
export const withMounts = (volumeMounts: V1VolumeMount[], change: Partial<V1Container> = {}): V1PodSpec =>
  podSpec({ containers: [nginx({ volumeMounts, ...change })] })

export const subPath = (index: number): V1VolumeMount => ({
  name: 'conf',
  mountPath: `/etc/app/${index}.conf`,
  subPath: `${index}.conf`,
})
export const item = (index: number) => ({ key: `k${index}`, path: `d/${index}` })
const keyRef = (index: number): V1EnvVar => ({
  name: `V${index}`,
  valueFrom: { configMapKeyRef: { name: 'web', key: `k${index}` } },
})
export const container = (index: number): V1Container =>
  nginx({
    name: `c${index}`,
    volumeMounts: [{ name: 'conf', mountPath: '/conf' }, subPath(index)],
    resources: { limits: { cpu: '1', memory: '1Gi' } },
  })
export const envFrom = (index: number): V1EnvFromSource => ({ configMapRef: { name: `c${index}` } })

/** Some 20 kB: each of 64 containers watches each of these ConfigMaps. */
export const watchers = (configMaps: number): V1PodSpec =>
  podSpec({
    containers: times(64, (at) =>
      nginx({ name: `c${at}`, volumeMounts: [{ name: 'conf', mountPath: '/conf' }] }),
    ),
    volumes: [
      {
        name: 'conf',
        projected: { sources: times(configMaps, (at) => ({ configMap: { name: `c${at}` } })) },
      },
    ],
  })
const killer = (words: number): V1Container =>
  nginx({ livenessProbe: { exec: { command: ['sh', '-c', 'kill '.repeat(words)] } } })

/**
 * Objects that grow with a number, and the number at which one is as large as the API server lets it be: 3 MiB of JSON, of which 256 KiB are
 * annotations.
 */
export const nastyObjects: [what: string, largest: number, make: (size: number) => ApiObject][] = [
  [
    'a text of digits',
    60_000,
    (size) =>
      annotated(keys({ stagger: '1'.repeat(size), canary: '1'.repeat(size), signal: '1'.repeat(size) })),
  ],
  ['a URL', 250_000, (size) => annotated(keys({ url: `http://127.0.0.1/${'a/../'.repeat(size / 5)}` }))],
  ['a command of quotes', 250_000, (size) => annotated(keys({ command: `a'"' `.repeat(size / 5) }))],
  ['a command of lists', 250_000, (size) => annotated(keys({ command: '['.repeat(size) }))],
  [
    'resources',
    20_000,
    (size) =>
      annotated(
        keys({
          resources: JSON.stringify({
            limits: Object.fromEntries(times(size, (at) => [`r${at}`, '1'])),
          }),
        }),
      ),
  ],
  [
    'a quantity',
    200_000,
    (size) => annotated(keys({ resources: `{"limits":{"cpu":"${'.'.repeat(size)}m1"}}` })),
  ],
  [
    'names of containers that do not exist',
    40_000,
    (size) =>
      asked(
        podSpec({ containers: times(size / 10, container) }),
        keys({ inject: 'true', container: times(size, (at) => `x${at}`).join() }),
      ),
  ],
  [
    'suffixes that name no container',
    8000,
    (size) =>
      asked(podSpec({ containers: times(size / 4, container) }), {
        ...inject,
        ...Object.fromEntries(times(size, (at) => [`hotreload.dev/env.x${at}`, 'x'])),
        ...Object.fromEntries(times(size, (at) => [`hotreload.dev/reload.x${at}`, 'none'])),
      }),
  ],
  [
    'unknown annotations',
    10_000,
    (size) => annotated(Object.fromEntries(times(size, (at) => [`hotreload.dev/chart-checksun${at}`, '']))),
  ],
  [
    'a template that says otherwise',
    4000,
    (size) =>
      workload({
        own: { ...inject, ...Object.fromEntries(times(size, (at) => [`hotreload.dev/signal.x${at}`, '1'])) },
        template: Object.fromEntries(times(size, (at) => [`hotreload.dev/signal.x${at}`, '2'])),
      }),
  ],
  [
    'a list of mirrored keys',
    60_000,
    (size) =>
      workload({
        own: inject,
        template: keys({ inject: 'true', mirrored: times(size, (at) => `s${at % 1000}`).join() }),
      }),
  ],
  ['a probe of kills', 500_000, (size) => asked(podSpec({ containers: [killer(size)] }), signalled)],
  [
    'flags of a shell',
    60_000,
    (size) => asked(podSpec({ containers: [nginx({ command: ['sh', ...times(size, () => '-e')] })] })),
  ],
  ['subPath mounts', 40_000, (size) => asked(withMounts(times(size, subPath)))],
  [
    'kept subPath mounts',
    40_000,
    (size) => asked(withMounts(times(size, subPath)), keys({ inject: 'true', subpath: 'keep' })),
  ],
  [
    'mounts below one that becomes a copy',
    40_000,
    (size) =>
      asked(
        withMounts([subPath(0), ...times(size, (at) => ({ name: 'other', mountPath: `/etc/app/${at}/x` }))]),
        keys({ inject: 'true', subpath: 'symlink' }),
      ),
  ],
  [
    'subPath mounts of many items',
    20_000,
    (size) =>
      asked({
        ...withMounts(times(size, (at) => ({ ...subPath(at), subPath: 'd' }))),
        volumes: [{ name: 'conf', configMap: { name: 'web', items: times(size, item) } }],
      }),
  ],
  [
    'mounts of many sources',
    20_000,
    (size) =>
      asked({
        ...withMounts(times(size, (at) => ({ name: 'conf', mountPath: `/${at}` }))),
        volumes: [
          { name: 'conf', projected: { sources: times(size, (at) => ({ configMap: { name: `c${at}` } })) } },
        ],
      }),
  ],
  [
    'containers with many tokens',
    10_000,
    (size) =>
      asked(
        podSpec({
          containers: times(size, container),
          volumes: [
            {
              name: 'conf',
              projected: { sources: times(size, (at) => ({ serviceAccountToken: { path: `t${at}` } })) },
            },
          ],
        }),
        keys({ inject: 'true', volumes: 'conf', reload: 'none' }),
      ),
  ],
  [
    'volumes',
    30_000,
    (size) =>
      asked(
        podSpec({
          containers: [
            nginx({ volumeMounts: times(size, (at) => ({ name: `v${at}`, mountPath: `/v${at}` })) }),
          ],
          volumes: times(size, (at) => ({ name: `v${at}`, configMap: { name: `c${at}` } })),
        }),
      ),
  ],
  ['containers that watch the same ConfigMaps', 500, (size) => asked(watchers(size))],
  ['containers', 15_000, (size) => asked(podSpec({ containers: times(size, container) }))],
  ['init containers', 15_000, (size) => asked(podSpec({ initContainers: times(size, container) }))],
  [
    'variables of one ConfigMap',
    30_000,
    (size) =>
      asked(
        podSpec({ containers: [nginx({ env: times(size, keyRef) })] }),
        keys({ inject: 'true', env: 'restart' }),
      ),
  ],
  [
    'envFrom',
    60_000,
    (size) =>
      asked(
        podSpec({
          containers: [nginx({ envFrom: times(size, (at) => ({ configMapRef: { name: `c${at}` } })) })],
        }),
        keys({ inject: 'true', env: 'restart' }),
      ),
  ],
  [
    'a mount path of slashes',
    2_000_000,
    (size) => asked(withMounts([{ name: 'conf', mountPath: `${'/'.repeat(size)}x` }], { image: 'envoy' })),
  ],
  [
    'mounts of a gated volume below each other',
    2_000_000,
    // The square root, since each path is longer than the one before.
    (size) =>
      asked(
        withMounts(times(Math.sqrt(size), (at) => ({ name: 'conf', mountPath: '/x'.repeat(at + 1) }))),
        keys({ inject: 'true', gate: 'strict', validate: 'nginx -t' }),
      ),
  ],
  [
    'mounts below that of a gated volume',
    40_000,
    (size) =>
      asked(
        withMounts([
          { name: 'conf', mountPath: '/etc/app' },
          ...times(size, (at) => ({ name: 'other', mountPath: `/etc/app/${at}/x` })),
        ]),
        keys({ inject: 'true', gate: 'strict', validate: 'nginx -t' }),
      ),
  ],
  [
    'arguments that may be files',
    60_000,
    (size) =>
      asked(
        withMounts(
          times(size / 3, (at) => ({ name: 'conf', mountPath: `/m${at}` })),
          {
            image: 'stunnel',
            args: times(size, (at) => `/f${at}`),
          },
        ),
      ),
  ],
  [
    'the quantity of a container',
    2_000_000,
    (size) =>
      asked(
        podSpec({
          containers: [nginx({ resources: { limits: { cpu: `${'.'.repeat(size)}m1`, memory: '1' } } })],
        }),
      ),
  ],
]
