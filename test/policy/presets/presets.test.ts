import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Reload } from '../../../src/policy/methods/reload-methods.ts'
import { COMMAND_NAME_BYTES, type Preset } from '../../../src/policy/presets/preset.ts'
import { type PresetName, presetName, presetReload, presets } from '../../../src/policy/presets/presets.ts'
import { decisionFor, podSpec } from '../../support/builders.ts'

const container = (image: string, command?: string[], args?: string[]) => ({
  name: 'web',
  image,
  ...(command ? { command } : {}),
  ...(args ? { args } : {}),
})

const said = (reload: Reload): string => {
  if (reload.method === 'signal') return `signal ${reload.signal}`
  return reload.method === 'http' ? `${reload.httpMethod} ${reload.url}` : reload.method
}
const names = Object.keys(presets) as PresetName[]

test('no name belongs to two presets', () => {
  const names = Object.values(presets).flatMap((preset): readonly string[] => preset.names)
  expect(names.toSorted()).toEqual([...new Set(names)].toSorted())
})

describe('presetName', () => {
  test('is a name of the table', () => expect(presetName('key', ' nginx ')).toBe('nginx'))
  test.each([
    [
      'ngnix',
      'key: "ngnix" is not known; did you mean nginx? https://github.com/hotreload/hotreload/blob/main/docs/programs.md lists all [HR_UNKNOWN_PRESET]',
    ],
    [
      'our-app',
      'key: "our-app" is not known; use signal or url; https://github.com/hotreload/hotreload/blob/main/docs/programs.md lists all [HR_UNKNOWN_PRESET]',
    ],
    ['constructor', 'key: "constructor" is not known;'],
    ['', 'key: "" is not known;'],
  ])('%j: %s', (text, message) => expect(() => presetName('key', text)).toThrow(message))
})

describe('the arguments of a program decide', () => {
  test.each<[preset: PresetName, args: string[], method: string]>([
    ['prometheus', ['--config.file=/etc/p.yml'], 'signal SIGHUP'],
    ['prometheus', ['--web.enable-lifecycle'], 'POST http://127.0.0.1:9090/-/reload'],
    ['prometheus', ['--web.enable-lifecycle=false'], 'signal SIGHUP'],
    ['prometheus', ['--web.enable-lifecycle', '--web.config.file=/web.yml'], 'signal SIGHUP'],
    [
      'prometheus',
      ['--web.enable-lifecycle', '--web.listen-address=:9091'],
      'POST http://127.0.0.1:9091/-/reload',
    ],
    [
      'prometheus',
      ['--web.enable-lifecycle', '--web.listen-address', '0.0.0.0:9092'],
      'POST http://127.0.0.1:9092/-/reload',
    ],
    [
      'prometheus',
      ['--web.enable-lifecycle', '--web.external-url=http://x.org/prom/'],
      'POST http://127.0.0.1:9090/prom/-/reload',
    ],
    [
      'prometheus',
      ['--web.enable-lifecycle', '--web.external-url=http://x.org/prom', '--web.route-prefix=/'],
      'POST http://127.0.0.1:9090/-/reload',
    ],
    ['prometheus', ['--web.enable-lifecycle', '--web.listen-address'], 'POST http://127.0.0.1:9090/-/reload'],
    ['alertmanager', [], 'POST http://127.0.0.1:9093/-/reload'],
    ['alertmanager', ['--web.route-prefix=/am'], 'POST http://127.0.0.1:9093/am/-/reload'],
    ['alertmanager', ['--web.config.file=/web.yml'], 'signal SIGHUP'],
    ['alertmanager', ['--web.listen-address=:$(PORT)'], 'signal SIGHUP'],
    ['prometheus', ['--web.enable-lifecycle', '--web.external-url=$(EXTERNAL_URL)'], 'signal SIGHUP'],
    ['fluent-bit', [], 'rollout'],
    ['fluent-bit', ['-Y'], 'POST http://127.0.0.1:2020/api/v2/reload'],
    ['haproxy', [], 'signal SIGUSR2'],
    ['blackbox-exporter', [], 'POST http://127.0.0.1:9115/-/reload'],
    ['blackbox-exporter', ['--web.config.file=/web.yml'], 'signal SIGHUP'],
    ['alloy', ['run', '/etc/alloy'], 'POST http://127.0.0.1:12345/-/reload'],
    ['alloy', ['--server.http.listen-addr=0.0.0.0:8080'], 'POST http://127.0.0.1:8080/-/reload'],
    ['telegraf', ['--config', '/t.conf'], 'signal SIGHUP'],
    ['telegraf', ['--watch-config', 'inotify'], 'rollout'],
    ['vector', [], 'signal SIGHUP'],
    ['vector', ['--watch-config'], 'none'],
    ['caddy', ['run'], 'rollout'],
    ['caddy', ['run', '--watch'], 'rollout'],
    ['memcached', ['-m', '64'], 'rollout'],
    ['memcached', ['-Y', '/etc/memcached/auth'], 'signal SIGHUP'],
    ['memcached', ['--auth-file=/etc/memcached/auth'], 'signal SIGHUP'],
    ['gunicorn', ['app:app'], 'signal SIGHUP'],
    ['gunicorn', ['--preload', 'app:app'], 'rollout'],
    ['uwsgi', ['--ini', '/app.ini'], 'rollout'],
    ['uwsgi', ['--master', '--ini', '/app.ini'], 'signal SIGHUP'],
  ])('%s %j: %s', (preset, args, method) =>
    expect(said(presetReload(preset, container('x', undefined, args)))).toBe(method),
  )
})

describe('stunnel remembers where the symlinks of its configuration led', () => {
  test.each<[args: string[], mountPath: string, method: string]>([
    [[], '/etc/stunnel', 'rollout'],
    [[], '/etc/stunnel/certs', 'signal SIGHUP'],
    [['/conf/tls.conf'], '/conf', 'rollout'],
    [['/conf/tls.conf'], '/etc/tls', 'signal SIGHUP'],
  ])('%j with %s mounted: %s', (args, mountPath, method) => {
    const volumeMounts = [{ name: 'conf', mountPath }]
    expect(said(presetReload('stunnel', { ...container('x', undefined, args), volumeMounts }))).toBe(method)
  })
})

describe('what a program does with a volume at a path', () => {
  const repoServer = ['/usr/local/bin/argocd-repo-server']
  test.each<[image: string, args: string[], mountPath: string, way: string]>([
    ['quay.io/argoproj/argocd:v3', repoServer, '/app/config/tls', 'none'],
    ['quay.io/argoproj/argocd:v3', repoServer, '/app/config/ssh', 'none'],
    ['quay.io/argoproj/argocd:v3', repoServer, '/app/config/gpg/source', 'none'],
    ['quay.io/argoproj/argocd:v3', ['/usr/local/bin/argocd-server'], '/app/config/gpg/source', 'rollout'],
    ['quay.io/argoproj/argocd:v3', repoServer, '/app/config/reposerver/tls', 'rollout'],
    ['quay.io/argoproj/argocd:v3', repoServer, '/app/config', 'rollout'],
    ['ingress-nginx/controller', [], '/etc/nginx/template', 'none'],
    ['ingress-nginx/controller', [], '/usr/local/certificates', 'rollout'],
    [
      'ingress-nginx/controller',
      [
        '--validating-webhook-certificate=/usr/local/certificates/cert',
        '--validating-webhook-key=/usr/local/certificates/key',
      ],
      '/usr/local/certificates/',
      'none',
    ],
    ['linkerd/controller', ['proxy-injector'], '/var/run/linkerd/tls', 'none'],
    ['linkerd/controller', ['identity'], '/var/run/linkerd/identity/issuer', 'none'],
    ['linkerd/controller', ['identity'], '/var/run/linkerd/identity/trust-roots', 'rollout'],
    ['istio/pilot', ['discovery'], '/var/run/secrets/istiod/tls', 'none'],
    ['istio/pilot', ['discovery'], '/etc/istio/config', 'rollout'],
    ['oauth2-proxy', ['--htpasswd-file=/etc/users/htpasswd'], '/etc/users/htpasswd', 'none'],
    ['oauth2-proxy', ['--htpasswd-file=/etc/users/htpasswd'], '/etc/oauth2_proxy', 'rollout'],
    ['pomerium/pomerium', [], '/pomerium', 'none'],
    ['pomerium/pomerium', ['-config', '/etc/pomerium/config.yaml'], '/etc/pomerium', 'none'],
    ['pomerium/pomerium', ['-config', '/etc/pomerium/config.yaml'], '/data', 'rollout'],
    ['minio/minio', ['server', '/data', '-S', '/etc/minio/certs/'], '/etc/minio/certs', 'none'],
    ['minio/minio', ['server', '/data', '-S', '/etc/minio/certs/'], '/etc/minio/certs/public.crt', 'none'],
    ['minio/minio', ['server', '/data', '-S', '/etc/minio/certs/'], '/etc/minio/certs/CAs', 'rollout'],
    ['minio/minio', ['server', '/data'], '/root/.minio/certs/private.key', 'none'],
    ['clickhouse/clickhouse-server', [], '/etc/clickhouse-server/users.d', 'none'],
    ['clickhouse/clickhouse-server', [], '/etc/clickhouse-server/config.d', 'rollout'],
    ['logstash/logstash', [], '/usr/share/logstash/pipeline', 'rollout'],
    ['logstash/logstash', ['--config.reload.automatic'], '/usr/share/logstash/pipeline', 'none'],
    ['logstash/logstash', ['-r'], '/usr/share/logstash/config', 'rollout'],
    ['beats/filebeat', [], '/usr/share/filebeat', 'rollout'],
    ['bitnami/grafana-tempo', [], '/bitnami/grafana-tempo/conf/overrides.yaml', 'none'],
    ['bitnami/grafana-tempo', [], '/bitnami/grafana-tempo/conf', 'rollout'],
    ['vault', ['server'], '/vault/userconfig/tls', 'rollout'],
    ['hashicorp/consul', ['agent'], '/consul/config', 'rollout'],
  ])('%s %j at %s: %s', (image, args, mountPath, way) => {
    const volumeMounts = [{ name: 'conf', mountPath }]
    const { plan, notes } = decisionFor(podSpec({ containers: [{ name: 'app', image, args, volumeMounts }] }))
    expect([plan.containers[0]?.ways.get(mountPath)?.way, notes]).toEqual([way, []])
  })

  test('logstash is asked by a variable of its image, too', () => {
    const mountPath = '/usr/share/logstash/pipeline'
    const env = [{ name: 'CONFIG_RELOAD_AUTOMATIC', value: 'true' }]
    const logstash = { name: 'app', image: 'logstash', env, volumeMounts: [{ name: 'conf', mountPath }] }
    const { plan } = decisionFor(podSpec({ containers: [logstash] }))
    expect(plan.containers[0]?.ways.get(mountPath)?.way).toBe('none')
  })
})

test('haproxy is signalled only if it has a master process', () =>
  expect(presetReload('haproxy', container('haproxy'))).toEqual({
    method: 'signal',
    signal: 'SIGUSR2',
    processes: ['haproxy'],
    requireArguments: ['-W', '-Ws'],
    confirm: 'workers',
  }))

test('what proves a reload: of prometheus its own metric, unless a password guards it', () => {
  const proof = (...args: string[]) => {
    const reload = presetReload('prometheus', container('prometheus', undefined, args))
    return reload.method === 'signal' ? reload.confirm : reload.method
  }
  const metric = 'prometheus_config_last_reload_success_timestamp_seconds'
  expect(proof()).toEqual({ metric, url: 'http://127.0.0.1:9090/metrics' })
  expect(proof('--web.listen-address=:9091', '--web.route-prefix=/p')).toEqual({
    metric,
    url: 'http://127.0.0.1:9091/p/metrics',
  })
  expect(proof('--web.config.file=/etc/web.yml')).toBeUndefined()
  expect(proof('--web.enable-lifecycle')).toBe('http')
})

test('every signal names a process, by the name that the kernel keeps', () => {
  const named = names.map((name) => {
    const reload = presetReload(name, container('x', undefined, ['--master']))
    return { name, ...(reload.method === 'signal' ? { processes: reload.processes } : {}) }
  })
  expect(named.filter(({ processes }) => processes?.length === 0)).toEqual([])
  const tooLong = named.flatMap(({ processes = [] }) =>
    processes.filter((process) => Buffer.byteLength(process) > COMMAND_NAME_BYTES),
  )
  expect(tooLong).toEqual([])
})

test.each<[when: Preset['proved'], folders: string[]]>([
  [true, ['../../node', '../../support/programs']],
  ['at releases', ['../../programs']],
])('every preset that is proved (%s) has a test on the real node', (when, folders) => {
  const tests = folders.flatMap((path) => {
    const directory = join(import.meta.dirname, path)
    return readdirSync(directory).map((file) => readFileSync(join(directory, file), 'utf8'))
  })
  const unproved = names.filter((name) => {
    const preset: Preset = presets[name]
    const quoted = preset.names.flatMap((one) => [`'${one}'`, `/${one}'`])
    return preset.proved === when && !tests.some((text) => quoted.some((word) => text.includes(word)))
  })
  expect(unproved).toEqual([])
})
