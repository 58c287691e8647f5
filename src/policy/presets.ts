/**
 * The table of programs that hotreload knows how to reload, or knows not to signal. A row is added only with a source for its facts.
 * README's table of programs is written from it.
 */
import type { V1Container } from '@kubernetes/client-node'
import type { Forward } from './liveness.ts'
import type { ReloadUrl } from './parse.ts'

/** How one container's process takes a change. */
export type Reload =
  | {
      way: 'signal'
      signal: string
      /** Command names vouched for; none: the container's main process, on the user's own word. */
      processes: readonly string[]
      /** One of these must be among the process's arguments, or the signal would end it. */
      requireArguments?: readonly string[]
    }
  | ({ way: 'http' } & ReloadUrl)
  /** argv, run in the app's image with the app's files. */
  | { way: 'exec'; command: readonly string[] }
  /** The container ends, by this signal where SIGTERM is not the one, and the kubelet starts it again in the same Pod. */
  | { way: 'restart'; signal?: string }
  /** The same by a liveness probe of ours, which goes on asking what the user's asked. */
  | { way: 'probe'; forward: Forward }
  /** The agent is the container's main process and the program its child. */
  | { way: 'supervise' }
  | { way: 'none' }
  | { way: 'rollout' }

export interface Preset {
  /** Last segments of images and commands that are exactly this program. */
  names: readonly string[]
  /** A function where the container's arguments decide. */
  reload: Reload | ((container: V1Container) => Reload)
  /** For people: what happens, and where the facts are from. */
  doc: string
  source: string
}

const signal = (signal: string, ...processes: string[]): Reload => ({ way: 'signal', signal, processes })
const post = (url: string): Reload => ({ way: 'http', method: 'POST', url })
const watches: Reload = { way: 'none' }
const rollout: Reload = { way: 'rollout' }

export const presets = {
  nginx: {
    names: ['nginx', 'nginx-unprivileged', 'openresty'],
    reload: signal('SIGHUP', 'nginx', 'openresty'),
    doc: 'SIGHUP to the master: new workers with the new configuration, old ones finish their connections',
    source: 'nginx.org/en/docs/control.html',
  },
  haproxy: {
    names: ['haproxy'],
    reload: { way: 'signal', signal: 'SIGUSR2', processes: ['haproxy'], requireArguments: ['-W', '-Ws'] },
    doc: 'SIGUSR2 to the master; refused where it runs without master-worker mode (-W), which it would not survive',
    source: 'haproxy management guide, 3.3 Master-worker mode',
  },
  apache2: {
    names: ['apache2', 'httpd'],
    reload: signal('SIGUSR1', 'apache2', 'httpd'),
    doc: 'SIGUSR1, graceful: SIGHUP cuts running responses',
    source: 'httpd.apache.org/docs/2.4/stopping.html',
  },
  prometheus: {
    names: ['prometheus'],
    reload: prometheus,
    doc: 'POST /-/reload with --web.enable-lifecycle, else SIGHUP',
    source: 'prometheus.io/docs/prometheus/latest/configuration/configuration',
  },
  alertmanager: {
    names: ['alertmanager'],
    reload: (container) =>
      isOpen(container) ? post(`${webAddress(container, 9093)}/-/reload`) : signal('SIGHUP', 'alertmanager'),
    doc: 'POST /-/reload; SIGHUP where --web.config.file guards it',
    source: 'prometheus.io/docs/alerting/latest/management_api',
  },
  pgbouncer: {
    names: ['pgbouncer'],
    reload: signal('SIGHUP', 'pgbouncer'),
    doc: 'SIGHUP, the same as RELOAD',
    source: 'pgbouncer.org/usage.html#signals',
  },
  postgresql: {
    names: ['postgres', 'postgresql'],
    reload: signal('SIGHUP', 'postgres'),
    doc: 'SIGHUP to the postmaster; settings of context postmaster need a restart',
    source: 'postgresql.org/docs/current/config-setting.html',
  },
  squid: {
    names: ['squid'],
    reload: signal('SIGHUP', 'squid'),
    doc: 'SIGHUP, the same as -k reconfigure',
    source: 'squid(8), -k',
  },
  mosquitto: {
    names: ['mosquitto', 'eclipse-mosquitto'],
    reload: signal('SIGHUP', 'mosquitto'),
    doc: 'SIGHUP; listeners are not re-read',
    source: 'mosquitto(8), SIGNALS',
  },
  nats: {
    names: ['nats', 'nats-server'],
    reload: signal('SIGHUP', 'nats-server'),
    doc: 'SIGHUP, the same as --signal reload',
    source: 'docs.nats.io/running-a-nats-service/nats_admin/signals',
  },
  stunnel: {
    names: ['stunnel', 'stunnel4'],
    reload: signal('SIGHUP', 'stunnel', 'stunnel4'),
    doc: 'SIGHUP; not for chroot or setuid set-ups that can no longer read the file',
    source: 'stunnel(8), SIGNALS',
  },
  gunicorn: {
    names: ['gunicorn'],
    reload: signal('SIGHUP', 'gunicorn'),
    doc: 'SIGHUP to the master: configuration and workers anew',
    source: 'docs.gunicorn.org/en/stable/signals.html',
  },
  'php-fpm': {
    names: ['php-fpm', 'php-fpm8.2', 'php-fpm8.3', 'php-fpm8.4'],
    reload: signal('SIGUSR2', 'php-fpm', 'php-fpm8.2', 'php-fpm8.3', 'php-fpm8.4'),
    doc: 'SIGUSR2 to the master: graceful reload of workers and configuration',
    source: 'php-fpm(8), SIGNALS',
  },
  named: {
    names: ['named', 'bind9'],
    reload: signal('SIGHUP', 'named'),
    doc: 'SIGHUP, the same as rndc reload',
    source: 'named(8), SIGNALS',
  },
  'fluent-bit': {
    names: ['fluent-bit'],
    reload: (container) =>
      hasFlag(container, '-Y', '--enable-hot-reload') ? post('http://127.0.0.1:2020/api/v2/reload') : rollout,
    doc: 'POST /api/v2/reload where it runs with --enable-hot-reload, else a rollout: a SIGHUP in flight would be lost',
    source: 'docs.fluentbit.io/manual/administration/hot-reload',
  },
  envoy: {
    names: ['envoy'],
    reload: watches,
    doc: 'watches its dynamic files itself',
    source: 'envoyproxy.io, xDS by file',
  },
  traefik: {
    names: ['traefik'],
    reload: watches,
    doc: 'watches its file provider itself',
    source: 'doc.traefik.io, file provider',
  },
  coredns: {
    names: ['coredns'],
    reload: watches,
    doc: 'watches the Corefile itself (reload plugin)',
    source: 'coredns.io/plugins/reload',
  },
  rsyslog: {
    names: ['rsyslog', 'rsyslogd'],
    reload: rollout,
    doc: 'SIGHUP reopens logs only',
    source: 'rsyslogd(8)',
  },
  dnsmasq: {
    names: ['dnsmasq'],
    reload: rollout,
    doc: 'SIGHUP re-reads hosts files, never dnsmasq.conf',
    source: 'dnsmasq(8), NOTES',
  },
  redis: {
    names: ['redis', 'redis-server', 'valkey'],
    reload: rollout,
    doc: 'never re-reads its file',
    source: 'redis.io, configuration',
  },
  memcached: { names: ['memcached'], reload: rollout, doc: 'has no file to re-read', source: 'memcached(1)' },
  varnish: {
    names: ['varnish', 'varnishd'],
    reload: rollout,
    doc: 'a VCL is loaded by varnishadm only',
    source: 'varnishd(1)',
  },
  mysql: {
    names: ['mysql', 'mysqld', 'mariadb', 'mariadbd'],
    reload: rollout,
    doc: 'SIGHUP flushes logs and tables, and re-reads no option file',
    source: 'dev.mysql.com/doc/refman/8.4/en/unix-signal-response.html',
  },
  mongod: {
    names: ['mongod', 'mongo'],
    reload: rollout,
    doc: 'never re-reads its file',
    source: 'mongodb.com/docs/manual, mongod',
  },
  java: {
    names: ['java', 'spring'],
    reload: rollout,
    doc: 'a JVM catches SIGHUP to exit',
    source: 'java(1), -Xrs',
  },
} as const satisfies Record<string, Preset>

export type PresetName = keyof typeof presets

/** The preset whose names include the last segment of the command where the container sets one, else of the image; undefined: unknown. */
export function recognise(container: V1Container): PresetName | undefined {
  const [word] = container.command ?? []
  const program = word === undefined ? imageName(container.image ?? '') : (word.split('/').at(-1) ?? '')
  return Object.entries(presets).find(([, { names }]) =>
    (names as readonly string[]).includes(program),
  )?.[0] as PresetName | undefined
}

export const presetReload = (name: PresetName, container: V1Container): Reload => {
  const { reload }: Preset = presets[name]
  return typeof reload === 'function' ? reload(container) : reload
}

/** `registry:5000/team/nginx:1.27@sha256:…` -> `nginx`. */
const imageName = (image: string): string => (image.split('/').at(-1) ?? '').replace(/[:@].*$/s, '')

/** With a web configuration file the endpoint may ask for TLS and a password, which we have not. */
const isOpen = (container: V1Container): boolean => flag(container, '--web.config.file') === undefined

function prometheus(container: V1Container): Reload {
  const callable = hasFlag(container, '--web.enable-lifecycle') && isOpen(container)
  return callable ? post(`${webAddress(container, 9090)}/-/reload`) : signal('SIGHUP', 'prometheus')
}

/** Where a Prometheus-like program listens, from its --web.… flags. */
function webAddress(container: V1Container, defaultPort: number): string {
  const port = /:(\d+)$/.exec(flag(container, '--web.listen-address') ?? '')?.[1] ?? defaultPort
  const external = URL.parse(flag(container, '--web.external-url') ?? '')?.pathname
  const prefix = flag(container, '--web.route-prefix') ?? external ?? ''
  const path = prefix.split('/').filter(Boolean).join('/')
  return `http://127.0.0.1:${port}${path ? `/${path}` : ''}`
}

const words = ({ command = [], args = [] }: V1Container): string[] => [...command, ...args]

const hasFlag = (container: V1Container, ...flags: string[]): boolean =>
  words(container).some((word) => flags.includes(word) || flags.some((name) => word === `${name}=true`))

function flag(container: V1Container, name: string): string | undefined {
  const all = words(container)
  const at = all.findIndex((word) => word === name || word.startsWith(`${name}=`))
  return all[at]?.startsWith(`${name}=`) ? all[at].slice(name.length + 1) : all[at + 1 || all.length]
}
