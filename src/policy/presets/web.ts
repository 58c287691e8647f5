/** Web servers, proxies, caches and the servers of applications. */
import type { V1Container } from '@kubernetes/client-node'
import { normalPath } from '../../workload/references.ts'
import { haproxyCheck, selfCheck } from './check.ts'
import { directoryOf, flag, hasFlag, tagOf } from './arguments.ts'
import { byItself, byRollout, bySignal, elsewhere, type Preset } from './preset.ts'

const bootstrapOf = (container: V1Container): string => flag(container, '--config-yaml') ?? ''

const provider = (container: V1Container, setting: string): string[] =>
  [flag(container, `--providers.file.${setting}`) ?? []].flat()

export const web = {
  nginx: {
    names: ['nginx', 'openresty', 'harbor-portal'],
    reload: bySignal('SIGHUP', 'nginx', 'openresty'),
    paths: [
      {
        under: ['/etc/nginx/templates/'],
        way: 'rollout',
        because: 'the entry point renders templates when the container starts',
      },
    ],
    confirm: 'workers',
    doc: 'SIGHUP to the master, which starts new workers with the new configuration; old workers finish their connections',
    source: 'nginx.org/en/docs/control.html',
    validate: 'nginx -t',
    check: selfCheck('nginx', ['-t'], ['-c', '-p', '-g', '-e'], ['-c', '/etc/nginx/nginx.conf']),
    proved: true,
  },
  haproxy: {
    names: ['haproxy'],
    reload: { method: 'signal', signal: 'SIGUSR2', processes: ['haproxy'], requireArguments: ['-W', '-Ws'] },
    confirm: 'workers',
    doc: 'SIGUSR2 to the master; refused without master-worker mode (-W), where the signal would end it',
    source: 'haproxy management guide, 3.3 Master-worker mode',
    validate: 'haproxy -c -f /usr/local/etc/haproxy/haproxy.cfg',
    check: haproxyCheck,
    proved: true,
  },
  apache2: {
    names: ['apache2', 'httpd'],
    reload: bySignal('SIGUSR1', 'apache2', 'httpd'),
    confirm: 'workers',
    doc: 'SIGUSR1 (graceful), because SIGHUP cuts running responses. A mistake in the configuration ends it: validate',
    source: 'httpd.apache.org/docs/2.4/stopping.html',
    validate: 'httpd -t',
    check: selfCheck(
      'httpd',
      ['-t'],
      ['-f', '-d', '-D', '-C', '-c'],
      ['-f', '/usr/local/apache2/conf/httpd.conf'],
    ),
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
    proved: true,
  },
  envoy: {
    names: ['envoy'],
    reload: (container) => (/watched_directory/.test(bootstrapOf(container)) ? byItself : byRollout),
    paths: (container) => [
      {
        under: [normalPath(flag(container, '-c', '--config-path') ?? '/etc/envoy/envoy.yaml')],
        way: 'rollout',
        because: 'its bootstrap file is read when it starts only',
      },
    ],
    doc: 'watches the files of its dynamic resources if --config-yaml has a watched_directory; otherwise a rollout, since it misses each change of a ConfigMap without one',
    source:
      'envoyproxy.io/docs/envoy/latest/start/quick-start/configuration-dynamic-filesystem; envoyproxy/envoy#3928',
    validate: 'envoy --mode validate -c /etc/envoy/envoy.yaml',
    proved: true,
  },
  traefik: {
    names: ['traefik'],
    reload: (container) => (/^v?3\b/.test(tagOf(container)) ? bySignal('SIGHUP', 'traefik') : byRollout),
    paths: (container) => [
      {
        under: provider(container, 'directory'),
        way: 'none',
        because: 'it watches the directory of its file provider',
      },
      {
        under: provider(container, 'filename').map(directoryOf),
        way: 'reload',
        because: 'it reads the file of its file provider again',
      },
      elsewhere('rollout', 'it reads everything but the files of its file provider when it starts only'),
    ],
    doc: 'watches --providers.file.directory; SIGHUP for --providers.file.filename if the tag says version 3, because it misses the second change of such a file; a rollout for all else, such as its install (static) configuration',
    source: 'doc.traefik.io/traefik/providers/file; github.com/traefik/traefik, pkg/provider/file/file.go',
    proved: true,
  },
  caddy: {
    names: ['caddy'],
    reload: byRollout,
    paths: (container) => [
      {
        under: hasFlag(container, '--watch', '-w')
          ? [directoryOf(flag(container, '--config', '-c') ?? '/etc/caddy/Caddyfile')]
          : [],
        way: 'none',
        because: 'it reads its Caddyfile, and what that imports, each second',
      },
    ],
    doc: 'watches its Caddyfile with --watch; all else, and without it the Caddyfile, is read when it starts only',
    source: 'caddyserver.com/docs/command-line#caddy-run',
    proved: true,
  },
  'php-fpm': {
    // Images whose tag has fpm as a word are recognised, too (recognise.ts).
    names: ['php-fpm', 'php-fpm8.2', 'php-fpm8.3', 'php-fpm8.4'],
    reload: bySignal('SIGUSR2', 'php-fpm', 'php-fpm8.2', 'php-fpm8.3', 'php-fpm8.4'),
    confirm: 'workers',
    doc: 'SIGUSR2 to the master, which reloads workers and configuration gracefully by starting itself again. A mistake ends it: validate',
    source: 'php-fpm(8), SIGNALS',
    validate: 'php-fpm -t',
    proved: true,
  },
  gunicorn: {
    names: ['gunicorn'],
    reload: (container) =>
      hasFlag(container, '--preload', '--preload-app') ? byRollout : bySignal('SIGHUP', 'gunicorn'),
    confirm: 'workers',
    doc: 'SIGHUP to the master, which reads its configuration and replaces its workers; a rollout with --preload, which keeps the application. A mistake ends it: validate',
    source: 'docs.gunicorn.org/en/stable/signals.html',
    validate: 'gunicorn --check-config APP',
    proved: true,
  },
  uwsgi: {
    names: ['uwsgi'],
    reload: (container) => (hasFlag(container, '--master', '-M') ? bySignal('SIGHUP', 'uwsgi') : byRollout),
    confirm: 'workers',
    doc: 'SIGHUP to the master, which finishes requests and starts itself again; a rollout if no argument says --master',
    source: 'uwsgi-docs.readthedocs.io/en/latest/Management.html',
    proved: true,
  },
} as const satisfies Record<string, Preset>
