// The images of the programs that tests reload: Debian's packages on Debian, with programs from elsewhere where Debian has none, or a program
// of ours in an image that holds nothing else. One row is one image, called localhost/NAME:TAG. Add rows here.
import type { ForeignProgram } from './foreign-programs.ts'

/** A program of apps/. */
export type AppProgram = 'reader' | 'ticker' | 'watcher'

export interface AppImage {
  /** Where it says the program's version, on which a preset depends; otherwise 1. */
  tag?: string
  /** Debian packages, installed on Debian. Without packages the image holds only `programs`. */
  packages?: readonly string[]
  /** Static programs of apps/, copied to /NAME. */
  programs?: readonly AppProgram[]
  /** A program that Debian lacks, copied to /usr/local/bin. */
  foreign?: ForeignProgram
  /** Further lines of its Containerfile. */
  lines?: readonly string[]
  entrypoint?: readonly string[]
  cmd?: readonly string[]
}

/** name -> recipe. The names matter: the last segment of an image's name selects the preset. */
export const appImages = {
  nginx: {
    packages: ['nginx-light'],
    cmd: ['nginx', '-g', 'daemon off;'],
    lines: [
      'RUN ln -sf /dev/stdout /var/log/nginx/access.log && ln -sf /dev/stderr /var/log/nginx/error.log',
      'STOPSIGNAL SIGQUIT',
    ],
  },
  haproxy: {
    packages: ['haproxy'],
    cmd: ['haproxy', '-W', '-db', '-f', '/etc/haproxy/haproxy.cfg'],
    lines: ['STOPSIGNAL SIGUSR1'],
  },
  prometheus: {
    packages: ['prometheus'],
    cmd: ['prometheus', '--config.file=/etc/prometheus/prometheus.yml', '--storage.tsdb.path=/prometheus'],
    lines: ['RUN mkdir /prometheus && chown 65534:65534 /prometheus', 'USER 65534:65534'],
  },
  apache2: {
    packages: ['apache2'],
    cmd: ['apache2', '-DFOREGROUND'],
    lines: [
      // Debian's apache2ctl sets these from /etc/apache2/envvars.
      'ENV APACHE_RUN_USER=www-data APACHE_RUN_GROUP=www-data APACHE_RUN_DIR=/run/apache2 APACHE_LOCK_DIR=/run/lock',
      'ENV APACHE_PID_FILE=/run/apache2.pid APACHE_LOG_DIR=/var/log/apache2',
      'RUN mkdir --parents /run/apache2',
      'STOPSIGNAL SIGWINCH',
    ],
  },
  /** PostgreSQL with Debian's own database, and pgbouncer, which the Pod's `command` starts. */
  postgres: {
    packages: ['postgresql', 'pgbouncer'],
    cmd: [
      '/usr/lib/postgresql/15/bin/postgres',
      '-D',
      '/var/lib/postgresql/15/main',
      '-c',
      'config_file=/etc/postgres/postgresql.conf',
    ],
    lines: ['RUN mkdir --parents --mode 1777 /run/postgresql', 'USER postgres', 'STOPSIGNAL SIGINT'],
  },
  squid: { packages: ['squid'], cmd: ['squid', '--foreground', '-f', '/etc/squid/squid.conf'] },
  named: { packages: ['bind9'], cmd: ['named', '-g', '-c', '/etc/named/named.conf'] },
  unbound: { packages: ['unbound'], cmd: ['unbound', '-d', '-c', '/etc/unbound/unbound.conf'] },
  dnsmasq: {
    packages: ['dnsmasq-base'],
    cmd: ['dnsmasq', '--keep-in-foreground', '--user=root', '--conf-file=/etc/dnsmasq/dnsmasq.conf'],
  },
  mosquitto: { packages: ['mosquitto'], cmd: ['mosquitto', '-c', '/etc/mosquitto/mosquitto.conf'] },
  /** The image holds the configuration, so that a ConfigMap needs only the certificate. */
  stunnel: {
    packages: ['stunnel4'],
    cmd: ['stunnel4', '/etc/stunnel/stunnel.conf'],
    lines: [
      String.raw`RUN printf 'foreground = yes\npid =\n[web]\naccept = 8443\nconnect = 127.0.0.1:9\ncert = /etc/tls/tls.pem\n' >/etc/stunnel/stunnel.conf`,
    ],
  },
  'nats-server': { packages: ['nats-server'], cmd: ['nats-server', '--config', '/etc/nats/nats.conf'] },
  /** With a FastCGI client. */
  'php-fpm': {
    packages: ['php8.2-fpm', 'libfcgi-bin'],
    cmd: ['php-fpm8.2', '--nodaemonize', '--fpm-config', '/etc/fpm/php-fpm.conf'],
    lines: ['STOPSIGNAL SIGQUIT'],
  },
  gunicorn: {
    packages: ['gunicorn'],
    cmd: ['gunicorn', '--config', '/etc/gunicorn/gunicorn.conf.py', 'app'],
  },
  alertmanager: {
    packages: ['prometheus-alertmanager'],
    cmd: [
      'prometheus-alertmanager',
      '--config.file=/etc/alertmanager/alertmanager.yml',
      '--storage.path=/tmp',
      '--cluster.listen-address=',
    ],
  },
  'blackbox-exporter': {
    packages: ['prometheus-blackbox-exporter'],
    cmd: ['prometheus-blackbox-exporter', '--config.file=/etc/blackbox/blackbox.yml'],
  },
  uwsgi: {
    packages: ['uwsgi-core', 'uwsgi-plugin-python3'],
    cmd: ['uwsgi', '--ini', '/etc/uwsgi/app.ini'],
    lines: ['STOPSIGNAL SIGINT'],
  },
  dovecot: { packages: ['dovecot-imapd'], cmd: ['dovecot', '-F', '-c', '/etc/dovecot/dovecot.conf'] },
  /** Programs that never re-read their file: a signal has no effect, or ends them. */
  rsyslog: { packages: ['rsyslog'], cmd: ['rsyslogd', '-n', '-f', '/etc/rsyslog/rsyslog.conf'] },
  redis: { packages: ['redis-server'], cmd: ['redis-server', '/etc/redis/redis.conf'] },
  /** The Pod's `command` names the authentication file. */
  memcached: { packages: ['memcached'], cmd: ['memcached', '-u', 'nobody'] },
  /** With an empty database. */
  mariadb: {
    packages: ['mariadb-server-core', 'mariadb-client-core'],
    cmd: ['mariadbd', '--defaults-file=/etc/mysql/my.cnf', '--user=root'],
    lines: ['RUN mariadb-install-db --user=root --datadir=/var/lib/mysql --skip-test-db'],
  },
  envoy: {
    packages: ['busybox-static'],
    foreign: 'envoy',
    cmd: ['envoy', '-c', '/etc/envoy/envoy.yaml', '--use-dynamic-base-id'],
  },
  traefik: { tag: 'v3.7', packages: ['busybox-static'], foreign: 'traefik', cmd: ['traefik'] },
  coredns: {
    packages: ['busybox-static'],
    foreign: 'coredns',
    cmd: ['coredns', '-conf', '/etc/coredns/Corefile'],
  },
  otelcol: {
    packages: ['busybox-static'],
    foreign: 'otelcol',
    cmd: ['otelcol', '--config=/etc/otelcol/config.yaml'],
  },
  varnish: {
    packages: ['varnish'],
    cmd: ['varnishd', '-F', '-a', ':8080', '-f', '/etc/varnish/default.vcl', '-n', '/tmp/varnish'],
  },
  caddy: { packages: ['caddy'], cmd: ['caddy', 'run', '--config', '/etc/caddy/Caddyfile'] },
  telegraf: {
    packages: ['busybox-static'],
    foreign: 'telegraf',
    cmd: ['telegraf', '--config', '/etc/telegraf/telegraf.conf'],
  },
  openvpn: { packages: ['openvpn'], cmd: ['openvpn', '--config', '/etc/openvpn/server.conf'] },
  keepalived: {
    packages: ['keepalived', 'iproute2'],
    cmd: ['keepalived', '--dont-fork', '--log-console', '--use-file', '/etc/keepalived/keepalived.conf'],
  },
  /** Like s6-overlay: its /init must be PID 1. */
  s6: {
    packages: ['s6', 'busybox-static'],
    cmd: ['/init'],
    lines: [
      String.raw`RUN printf '#!/bin/sh\n[ $$ = 1 ] || { echo must be PID 1; exit 100; }\nexec s6-svscan /services\n' >/init`,
      String.raw`RUN mkdir --parents /services/web /www && printf '#!/bin/sh\ncp /etc/web/config /www/index.html\nexec busybox httpd -f -p 8080 -h /www\n' >/services/web/run`,
      'RUN chmod 755 /init /services/web/run',
    ],
  },
  /** A shell and common commands. */
  busybox: {
    packages: ['busybox-static'],
    cmd: ['sh'],
    lines: ['RUN mkdir /applets && busybox --install -s /applets', 'ENV PATH=/applets:/usr/bin:/bin'],
  },
  /** Only one static program: no shell, no /etc, no /tmp. It reloads at SIGHUP (apps/reader.c). */
  reader: { programs: ['reader'], entrypoint: ['/reader'], cmd: ['/etc/reader/config', '8080'] },
  /** The same program, started as root and switched to another user by gosu, as in Docker's own images. */
  gosu: {
    packages: ['gosu'],
    programs: ['reader'],
    entrypoint: ['gosu', 'nobody', '/reader'],
    cmd: ['/etc/reader/config', '8080'],
  },
  /** It prints what happens to files and directories (apps/watcher.c). */
  watcher: { programs: ['watcher', 'reader'], entrypoint: ['/watcher'] },
  /** It catches SIGHUP only to exit (apps/ticker.go). */
  ticker: { programs: ['ticker'], entrypoint: ['/ticker'] },
  ruby: { packages: ['ruby'], cmd: ['ruby', '-e', 'sleep'] },
  java: {
    packages: ['openjdk-17-jre-headless'],
    cmd: ['java', '-Xmx16m', '-XX:+UseSerialGC', '-m', 'java.rmi/sun.rmi.registry.RegistryImpl'],
  },
} satisfies Record<string, AppImage>

export type AppImageName = keyof typeof appImages

/** The Containerfile of a row. */
export function containerfile(image: AppImage): string {
  const install = image.packages && [
    'FROM docker.io/library/debian:bookworm-slim',
    `RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends ${image.packages.join(' ')}`,
  ]
  const lines = [
    ...(install ?? ['FROM scratch']),
    ...(image.foreign ? [`COPY ${image.foreign} /usr/local/bin/${image.foreign}`] : []),
    ...(image.programs ?? []).map((name) => `COPY ${name} /${name}`),
    ...(image.lines ?? []),
    ...(image.entrypoint ? [`ENTRYPOINT ${JSON.stringify(image.entrypoint)}`] : []),
    ...(image.cmd ? [`CMD ${JSON.stringify(image.cmd)}`] : []),
  ]
  return `${lines.join('\n')}\n`
}
