/** Web servers, proxies, caches and the servers of applications. */
import { flag, hasFlag, mounts } from './arguments.ts'
import { byItself, byRollout, bySignal, type Preset } from './preset.ts'

export const web = {
  nginx: {
    names: ['nginx', 'openresty', 'harbor-portal'],
    reload: bySignal('SIGHUP', 'nginx', 'openresty'),
    doc: 'SIGHUP to the master, which starts new workers with the new configuration; old workers finish their connections',
    source: 'nginx.org/en/docs/control.html',
    validate: 'nginx -t',
    proved: true,
  },
  haproxy: {
    names: ['haproxy'],
    reload: { method: 'signal', signal: 'SIGUSR2', processes: ['haproxy'], requireArguments: ['-W', '-Ws'] },
    doc: 'SIGUSR2 to the master; refused without master-worker mode (-W), where the signal would end it',
    source: 'haproxy management guide, 3.3 Master-worker mode',
    validate: 'haproxy -c -f /usr/local/etc/haproxy/haproxy.cfg',
    proved: true,
  },
  apache2: {
    names: ['apache2', 'httpd'],
    reload: bySignal('SIGUSR1', 'apache2', 'httpd'),
    doc: 'SIGUSR1 (graceful), because SIGHUP cuts running responses. A mistake in the configuration ends it: validate',
    source: 'httpd.apache.org/docs/2.4/stopping.html',
    validate: 'httpd -t',
    proved: true,
  },
  squid: {
    names: ['squid'],
    reload: bySignal('SIGHUP', 'squid'),
    doc: 'SIGHUP, the same as -k reconfigure. A mistake in the configuration ends it: validate',
    source: 'squid(8), -k',
    validate: 'squid -k parse',
    proved: true,
  },
  varnish: {
    names: ['varnish', 'varnishd'],
    reload: byRollout,
    doc: 'only varnishadm loads a VCL',
    source: 'varnishd(1)',
  },
  envoy: {
    names: ['envoy'],
    reload: (container) =>
      mounts(container, [flag(container, '-c', '--config-path') ?? '/etc/envoy/envoy.yaml'])
        ? byRollout
        : byItself,
    doc: 'watches the files of its dynamic resources (with watched_directory); a rollout if a volume holds its bootstrap file, which it never re-reads',
    source: 'envoyproxy.io/docs/envoy/latest/start/quick-start/configuration-dynamic-filesystem',
    validate: 'envoy --mode validate -c /etc/envoy/envoy.yaml',
  },
  traefik: {
    names: ['traefik'],
    reload: (container) => {
      const named = flag(container, '--configFile', '--configfile')
      const usual = ['yml', 'yaml', 'toml'].map((extension) => `/etc/traefik/traefik.${extension}`)
      return mounts(container, named === undefined ? usual : [named]) ? byRollout : byItself
    },
    doc: 'watches the files of its file provider; a rollout if a volume holds its install (static) configuration, which it never re-reads',
    source: 'doc.traefik.io/traefik/providers/file',
  },
  caddy: {
    names: ['caddy'],
    reload: (container) => (hasFlag(container, '--watch', '-w') ? byItself : byRollout),
    doc: 'watches its Caddyfile with --watch; otherwise only its API can reload it, so changes roll out',
    source: 'caddyserver.com/docs/command-line#caddy-run',
    proved: true,
  },
  'php-fpm': {
    // Images whose tag has fpm as a word are recognised, too (recognise.ts).
    names: ['php-fpm', 'php-fpm8.2', 'php-fpm8.3', 'php-fpm8.4'],
    reload: bySignal('SIGUSR2', 'php-fpm', 'php-fpm8.2', 'php-fpm8.3', 'php-fpm8.4'),
    doc: 'SIGUSR2 to the master, which reloads workers and configuration gracefully by starting itself again. A mistake ends it: validate',
    source: 'php-fpm(8), SIGNALS',
    validate: 'php-fpm -t',
    proved: true,
  },
  gunicorn: {
    names: ['gunicorn'],
    reload: bySignal('SIGHUP', 'gunicorn'),
    doc: 'SIGHUP to the master, which reads its configuration and replaces its workers. A mistake ends it: validate',
    source: 'docs.gunicorn.org/en/stable/signals.html',
    validate: 'gunicorn --check-config APP',
    proved: true,
  },
  uwsgi: {
    names: ['uwsgi'],
    reload: (container) => (hasFlag(container, '--master', '-M') ? bySignal('SIGHUP', 'uwsgi') : byRollout),
    doc: 'SIGHUP to the master, which finishes requests and starts itself again; a rollout if no argument says --master',
    source: 'uwsgi-docs.readthedocs.io/en/latest/Management.html',
    proved: true,
  },
} as const satisfies Record<string, Preset>
