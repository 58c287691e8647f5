import type { V1Container, V1PodSpec, V1Volume } from '@kubernetes/client-node'
import { describe, expect, test } from 'vitest'
import { classifyReferences } from '../../../src/policy/classify-references.ts'
import { mountWays } from '../../../src/policy/mounts/mount-ways.ts'
import { pathsOf } from '../../../src/policy/presets/presets.ts'
import { MOUNTS } from '../../../src/policy/values/bounds.ts'
import { decisionFor, nginx, podSpec } from '../../support/builders.ts'

const configMap = (name: string, paths?: string[]): V1Volume => ({
  name,
  configMap: { name, ...(paths ? { items: paths.map((path, index) => ({ key: `k${index}`, path })) } : {}) },
})

/** One container with a volume for each mountPath. */
function specOf(container: Partial<V1Container>, mountPaths: string[]): V1PodSpec {
  const volumeMounts = mountPaths.map((mountPath, index) => ({ name: `v${index}`, mountPath }))
  return podSpec({
    containers: [nginx({ ...container, volumeMounts })],
    volumes: volumeMounts.map(({ name }) => configMap(name)),
  })
}

const waysOf = (spec: V1PodSpec, short: Record<string, string> = {}) =>
  [...(decisionFor(spec, short).plan.containers[0]?.ways ?? [])].map(([path, { way }]) => [path, way])

describe('a preset vouches for paths', () => {
  test.each<[image: string, args: string[], ways: Record<string, string>]>([
    [
      'nginx:1.27',
      [],
      {
        '/etc/nginx/conf.d': 'reload',
        '/etc/nginx': 'reload',
        '/certs': 'reload',
        '/etc/nginx/templates': 'rollout',
        '/etc/nginx/templates/': 'rollout',
        'etc/nginx/templates': 'rollout',
        '/etc/nginx/conf.d/../templates': 'rollout',
        '/etc/nginx/templates/site.conf.template': 'rollout',
        '/etc/nginx/templates.d': 'reload',
        '/docker-entrypoint.d': 'rollout',
        '/docker-entrypoint-initdb.d': 'rollout',
      },
    ],
    [
      'bitnami/postgresql:16',
      [],
      {
        '/bitnami/postgresql/conf': 'rollout',
        '/bitnami/postgresql/conf/conf.d/': 'rollout',
        '/docker-entrypoint-initdb.d/': 'ignore',
        '/docker-entrypoint-preinitdb.d': 'rollout',
        '/opt/bitnami/postgresql/certs': 'reload',
      },
    ],
    ['redis', [], { '/opt/bitnami/redis/mounted-etc': 'rollout' }],
    ['mysql', [], { '/docker-entrypoint-initdb.d': 'ignore', '/etc/mysql/conf.d': 'rollout' }],
    ['memcached', ['-Y', '/etc/auth/users'], { '/etc/auth': 'reload', '/etc/other': 'rollout' }],
    ['memcached', [], { '/etc/auth': 'rollout' }],
    [
      'coredns/coredns:1.12.0',
      ['-conf', '/etc/coredns/Corefile'],
      { '/etc/coredns': 'reload', '/tls': 'reload' },
    ],
    ['envoyproxy/envoy', [], { '/etc/envoy': 'rollout', '/etc/envoy/dynamic': 'rollout' }],
    [
      'envoyproxy/envoy',
      [
        '--config-yaml',
        'dynamic_resources: {lds_config: {path_config_source: {watched_directory: {path: /dyn}}}}',
      ],
      { '/dyn': 'none', '/etc/envoy': 'rollout', '/etc/envoy/envoy.yaml': 'rollout' },
    ],
    [
      'envoyproxy/envoy',
      ['--config-yaml', 'watched_directory', '-c', '/etc//own/./envoy.yaml'],
      { '/dyn': 'none', '/etc/own': 'rollout' },
    ],
    [
      'traefik:v3.7',
      ['--providers.file.directory=/dyn'],
      { '/dyn': 'none', '/dyn/certs': 'none', '/etc/traefik': 'rollout', '/certs': 'rollout' },
    ],
    ['traefik:v3.7', ['--providers.file.filename=/dyn/a.yml'], { '/dyn': 'reload', '/certs': 'rollout' }],
    ['traefik:3', ['--providers.file.filename=/dyn/a.yml'], { '/dyn': 'reload' }],
    // Version 2 may end on SIGHUP, and the version is not known without a tag.
    ['traefik:v2.11', ['--providers.file.filename=/dyn/a.yml'], { '/dyn': 'rollout' }],
    ['traefik', ['--providers.file.filename=/dyn/a.yml'], { '/dyn': 'rollout' }],
    ['traefik:v30', ['--providers.file.filename=/dyn/a.yml'], { '/dyn': 'rollout' }],
    ['traefik:v3.7', [], { '/dyn': 'rollout' }],
    ['caddy', ['run', '--watch'], { '/etc/caddy': 'none', '/etc/caddy/tls': 'none', '/certs': 'rollout' }],
    [
      'caddy',
      ['run', '--watch', '--config', '/conf/Caddyfile'],
      { '/conf': 'none', '/etc/caddy': 'rollout' },
    ],
    ['caddy', ['run'], { '/etc/caddy': 'rollout' }],
    [
      'grafana/grafana',
      [],
      {
        '/etc/grafana': 'rollout',
        '/etc/grafana/provisioning/dashboards': 'rollout',
        '/var/lib/grafana/dashboards/default': 'none',
        '/grafana-dashboard-definitions/0/pods': 'none',
        '/var/lib/grafana': 'rollout',
      },
    ],
    [
      'grafana/loki',
      [],
      { '/etc/loki/config': 'rollout', '/etc/loki/runtime-config': 'none', '/etc/loki': 'rollout' },
    ],
    ['grafana/loki', ['-runtime-config.file=/run/a.yaml'], { '/run': 'none' }],
    ['grafana/tempo', [], { '/conf': 'rollout', '/runtime-config': 'none' }],
    ['grafana/alloy', ['run', '/etc/alloy/config.alloy'], { '/etc/alloy': 'reload', '/certs': 'rollout' }],
    ['grafana/alloy', ['run', '/conf'], { '/conf': 'reload', '/etc/alloy': 'rollout' }],
    ['timberio/vector', [], { '/etc/vector': 'reload', '/certs': 'rollout' }],
    ['timberio/vector', ['--watch-config', '-C', '/conf'], { '/conf': 'none', '/certs': 'rollout' }],
    ['telegraf', [], { '/etc/telegraf': 'reload', '/certs': 'reload' }],
    ['telegraf', ['--watch-config', 'inotify'], { '/etc/telegraf': 'none', '/certs': 'rollout' }],
    // An unknown program rolls out, whatever is mounted where.
    ['example.org/app', [], { '/docker-entrypoint-initdb.d': 'rollout', '/conf': 'rollout' }],
  ])('%s %j', (image, args, ways) =>
    expect(Object.fromEntries(waysOf(specOf({ image, args }, Object.keys(ways))))).toEqual(ways),
  )

  test('but not where the user says how the container reloads', () => {
    const spec = specOf({}, ['/etc/nginx/templates', '/bitnami/nginx/conf'])
    expect(waysOf(spec, { signal: 'SIGHUP' }).map(([, way]) => way)).toEqual(['reload', 'reload'])
    expect(waysOf(spec, { reload: 'none' }).map(([, way]) => way)).toEqual(['none', 'none'])
  })
})

describe('a variable that names a file', () => {
  const secrets = '/opt/bitnami/postgresql/secrets'
  const wayWith = (image: string, env: Record<string, string>) => {
    const named = Object.entries(env).map(([name, value]) => ({ name, value }))
    return waysOf(specOf({ image, env: named }, [`${secrets}/`, '/etc/tls']))
  }

  test.each<[what: string, image: string, env: Record<string, string>, way: string]>([
    [
      'has no effect if it counts in an empty database only',
      'postgres',
      { POSTGRES_PASSWORD_FILE: `${secrets}/password` },
      'ignore',
    ],
    [
      'rolls out if the entry point reads it each time',
      'postgres',
      { PGPASSFILE_FILE: `${secrets}/a` },
      'rollout',
    ],
    [
      'rolls out if one of several does',
      'postgres',
      { A_FILE: `${secrets}/a`, POSTGRES_PASSWORD_FILE: `${secrets}/password` },
      'rollout',
    ],
    [
      'counts for the programs that know it only',
      'nginx',
      { POSTGRES_PASSWORD_FILE: `${secrets}/a` },
      'rollout',
    ],
    ['counts only in its mount', 'postgres', { POSTGRES_PASSWORD_FILE: '/elsewhere/password' }, 'reload'],
    ['counts only if it is a path', 'postgres', { LOG_FILE: 'stdout' }, 'reload'],
    ['counts only by its name', 'postgres', { PGDATA: `${secrets}/x` }, 'reload'],
  ])('%s', (_, image, env, way) =>
    expect(wayWith(image, env)).toEqual([
      [`${secrets}/`, way],
      ['/etc/tls', 'reload'],
    ]),
  )
})

test('a variable counts in a mount with a relative path, too, which is one of /', () => {
  const env = [{ name: 'POSTGRES_PASSWORD_FILE', value: '/run/secrets/password' }]
  expect(waysOf(specOf({ image: 'postgres', env }, ['run/secrets']))).toEqual([['run/secrets', 'ignore']])
})

describe('a mount that holds several paths takes the one that demands most', () => {
  const nginxAt = (volume: V1Volume, mount: object = {}) =>
    waysOf(
      podSpec({
        containers: [nginx({ volumeMounts: [{ name: 'v', mountPath: '/etc/nginx', ...mount }] })],
        volumes: [volume],
      }),
      volume.emptyDir ? { volumes: 'v' } : {},
    )[0]?.[1]

  test.each<[what: string, volume: V1Volume, mount: object, way: string]>([
    ['keys make no directory', configMap('v'), {}, 'reload'],
    ['items can', configMap('v', ['nginx.conf', 'templates/a.template']), {}, 'rollout'],
    ['other items do not', configMap('v', ['nginx.conf', 'conf.d/a.conf']), {}, 'reload'],
    ['a subPath below the items', configMap('v', ['x/templates/a']), { subPath: 'x' }, 'rollout'],
    ['a subPath beside them', configMap('v', ['x/a', 'templates/a']), { subPath: 'x' }, 'reload'],
    ['nobody knows what an emptyDir holds', { name: 'v', emptyDir: {} }, {}, 'rollout'],
    ['nor a CSI volume', { name: 'v', csi: { driver: 'secrets-store.csi.k8s.io' } }, {}, 'rollout'],
    ['nor where a subPathExpr leads', configMap('v'), { subPathExpr: '$(POD)' }, 'rollout'],
  ])('%s', (_, volume, mount, way) => expect(nginxAt(volume, mount)).toBe(way))
})

describe('of a container with several ways', () => {
  const plan = (image: string, mounts: { mountPath: string; subPath?: string }[], short = {}) => {
    const volumeMounts = mounts.map((mount, index) => ({ name: `v${index}`, ...mount }))
    const spec = podSpec({
      containers: [nginx({ image, volumeMounts })],
      volumes: volumeMounts.map(({ name }) => configMap(name)),
    })
    const decision = decisionFor(spec, short)
    const { rollout, inPlace } = classifyReferences(decision.plan)
    const [own] = decision.plan.containers
    return {
      method: own?.reload.method,
      agent: own?.agent,
      volumes: own?.volumes.map(({ name }) => name),
      modes: own?.subPaths.map(({ mode }) => mode),
      rollout: rollout.map(({ name }) => name),
      inPlace: inPlace.map(({ name }) => name),
      notes: decision.notes,
    }
  }

  test('the agent watches those that it reloads', () =>
    expect(
      plan('nginx', [{ mountPath: '/etc/nginx/conf.d' }, { mountPath: '/etc/nginx/templates' }]),
    ).toEqual({
      method: 'signal',
      agent: true,
      volumes: ['v0'],
      modes: [],
      rollout: ['v1'],
      inPlace: ['v0'],
      notes: [],
    }))

  test('no agent comes for those that need none', () =>
    expect(
      plan('postgres', [
        { mountPath: '/bitnami/postgresql/conf' },
        { mountPath: '/docker-entrypoint-initdb.d' },
      ]),
    ).toMatchObject({ method: 'rollout', agent: false, volumes: [], rollout: ['v0'], inPlace: [] }))

  test('a watched file behind a subPath is kept current, and the program is not reloaded', () =>
    expect(
      plan('grafana/grafana', [
        { mountPath: '/etc/grafana/grafana.ini', subPath: 'grafana.ini' },
        { mountPath: '/var/lib/grafana/dashboards/default/pods.json', subPath: 'pods.json' },
      ]),
    ).toMatchObject({
      method: 'none',
      agent: true,
      volumes: ['v1'],
      modes: ['keep', 'copy'],
      rollout: ['v0'],
      inPlace: ['v1'],
    }))

  test('a subPath that rolls out is no surprise, so that nothing warns of it', () =>
    expect(
      plan('nginx', [
        { mountPath: '/etc/nginx/conf.d' },
        { mountPath: '/etc/nginx/templates/a.template', subPath: 'a' },
      ]).notes,
    ).toEqual([
      'container web: subPath mount /etc/nginx/templates/a.template is not updated in place: its changes roll out',
    ]))
})

describe('volume-reload', () => {
  const loki = specOf({ image: 'grafana/loki' }, ['/etc/loki', '/runtime', '/rules'])

  test.each<[what: string, spec: V1PodSpec, short: Record<string, string>, ways: string[]]>([
    ['overrules the preset', loki, { 'volume-reload': 'v1=none,v2=ignore' }, ['rollout', 'none', 'ignore']],
    [
      'overrules what a preset says of a path',
      specOf({}, ['/etc/nginx/templates', '/etc/nginx/conf.d']),
      { 'volume-reload': 'v0=reload,v1=rollout' },
      ['reload', 'rollout'],
    ],
    [
      'overrules reload',
      loki,
      { reload: 'none', 'volume-reload': 'v0=rollout' },
      ['rollout', 'none', 'none'],
    ],
    [
      'leaves the others to a signal',
      loki,
      { signal: 'HUP', 'volume-reload': 'v1=none' },
      ['reload', 'none', 'reload'],
    ],
    [
      'means by reload whatever the container does',
      loki,
      { 'volume-reload': 'v0=reload' },
      ['rollout', 'rollout', 'rollout'],
    ],
    [
      'of a container comes before that of all',
      loki,
      { 'volume-reload': 'v1=none', 'volume-reload.web': 'v2=none' },
      ['rollout', 'rollout', 'none'],
    ],
  ])('%s', (_, spec, short, ways) => {
    expect(decisionFor(spec, short).messages).toEqual([])
    expect(waysOf(spec, short).map(([, way]) => way)).toEqual(ways)
  })

  test('for every mount of an unknown program leaves nothing to choose', () => {
    const spec = specOf({ image: 'example.org/app' }, ['/conf', '/data'])
    expect(decisionFor(spec, { 'volume-reload': 'v0=none,v1=rollout' }).notes).toEqual([])
    expect(decisionFor(spec, { 'volume-reload': 'v0=none' }).notes).toHaveLength(1)
  })

  test('none in a container that is signalled for another volume keeps a subPath as it is, and rolls out', () => {
    const spec = podSpec({
      containers: [
        nginx({
          volumeMounts: [
            { name: 'conf', mountPath: '/etc/nginx/conf.d' },
            { name: 'v0', mountPath: '/data/a', subPath: 'a' },
          ],
        }),
      ],
      volumes: [{ name: 'conf', configMap: { name: 'web' } }, configMap('v0')],
    })
    const { plan, notes } = decisionFor(spec, { 'volume-reload': 'v0=none' })
    expect(plan.containers[0]).toMatchObject({ reload: { method: 'signal' }, volumes: [{ name: 'conf' }] })
    expect(classifyReferences(plan).rollout.map(({ name }) => name)).toEqual(['v0'])
    expect(notes).toEqual([
      'container web: subPath mount /data/a is not updated in place: the program watches it, and the agent would reload the program for it',
    ])
  })

  test.each<[what: string, short: Record<string, string>, message: string]>([
    [
      'a volume that the Pod does not have',
      { 'volume-reload': 'runtime=none' },
      'hotreload.dev/volume-reload: the Pod has no watched volume runtime; it has v0, v1, v2 [HR_UNKNOWN_NAME]',
    ],
    [
      'a volume that hotreload does not watch',
      { volumes: 'v0', 'volume-reload.web': 'v1=none' },
      'hotreload.dev/volume-reload.web: the Pod has no watched volume v1; it has v0 [HR_UNKNOWN_NAME]',
    ],
    [
      'another value',
      { 'volume-reload': 'v0=restart' },
      'hotreload.dev/volume-reload: v0: "restart" is not one of its values; use reload, none, rollout or ignore [HR_BAD_VALUE]',
    ],
  ])('denies %s', (_, short, message) => expect(decisionFor(loki, short).messages).toEqual([message]))
})

test('the most mounts of a Pod and thousands of variables are matched in little time', () => {
  const many = Array.from({ length: MOUNTS }, (_, index) => `/a/${'b/'.repeat(50)}${index}`)
  const container = nginx({
    volumeMounts: many.map((mountPath) => ({ name: 'conf', mountPath })),
    env: many.map((value, index) => ({ name: `V${index}_FILE`, value: `${value}/file` })),
  })
  const watched = new Map([['conf', configMap('conf')]])
  const started = performance.now()
  const ways = mountWays({
    container,
    watched,
    reload: { method: 'none' },
    because: '',
    chosenBy: '',
    ofVolumes: undefined,
    rolledOut: undefined,
    paths: pathsOf('nginx', container),
  })
  expect(performance.now() - started).toBeLessThan(500)
  expect(new Set([...ways.values()].map(({ way }) => way))).toEqual(new Set(['rollout']))
})
