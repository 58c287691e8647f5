// Programs that speak HTTP or FastCGI, and how tests observe their configuration.
import type { Program } from '../program.ts'

const page: Program['observe'] = async ({ ns, pod }) => (await ns.fetch(pod, '/', 8080)).body

export const apache2: Program = {
  image: 'apache2',
  mountPath: '/etc/apache2/conf-enabled',
  data: (value) => ({
    'site.conf': `
      ServerName web
      Listen 8080
      ErrorDocument 404 "${value}"
      Timeout 600
      Alias /large /tmp/large
      <Location /large>
        Require all granted
      </Location>
    `,
  }),
  observe: async ({ ns, pod }) => (await ns.fetch(pod, '/nothing', 8080)).body,
}

export const haproxy: Program = {
  image: 'haproxy',
  mountPath: '/etc/haproxy',
  data: (value) => ({
    'haproxy.cfg': `
      defaults
        mode http
        timeout connect 1s
        timeout client 600s
        timeout server 60s
      frontend web
        bind :8080
        http-request return status 200 content-type text/plain string ${value}
    `.replaceAll(/^ +/gm, ''), // the last line must not be blank
  }),
  observe: page,
}

export const caddy: Program = {
  image: 'caddy',
  mountPath: '/etc/caddy',
  data: (value) => ({ Caddyfile: `:8080 {\n\trespond "${value}"\n}\n` }),
  observe: page,
}

export const squid: Program = {
  image: 'squid',
  mountPath: '/etc/squid',
  data: (value) => ({
    'squid.conf': `
      http_port 3128
      visible_hostname ${value}
      pid_filename /tmp/squid.pid
      cache_log /tmp/cache.log
      access_log none
      pinger_enable off
    `.replaceAll(/^ +/gm, ''),
  }),
  observe: async ({ ns, pod }) =>
    /^\S+ (\w+) /.exec((await ns.fetch(pod, '/', 3128)).headers.get('via') ?? '')?.[1],
}

export const phpFpm: Program = {
  image: 'php-fpm',
  comm: 'php-fpm8.2',
  mountPath: '/etc/fpm',
  data: (value) => ({
    'php-fpm.conf': `
[global]
error_log = /proc/self/fd/2
pid = /tmp/fpm.pid
[www]
user = www-data
listen = 127.0.0.1:9000
pm = static
pm.max_children = 1
ping.path = /ping
ping.response = ${value}
`,
  }),
  observe: async ({ exec }) => {
    const request = ['REQUEST_METHOD=GET', 'SCRIPT_NAME=/ping', 'SCRIPT_FILENAME=/ping']
    const answer = await exec('env', ...request, 'cgi-fcgi', '-bind', '-connect', '127.0.0.1:9000')
    return answer.trim().split('\n').at(-1)
  },
}

const app = `
import os
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [os.environ["GREETING"].encode()]
`

/** The value is in the environment of its workers, by a file that HUP re-reads. */
export const gunicorn: Program = {
  image: 'gunicorn',
  mountPath: '/etc/gunicorn',
  data: (value) => ({
    'gunicorn.conf.py': `bind = "0.0.0.0:8080"\npythonpath = "/etc/gunicorn"\nraw_env = ["GREETING=${value}"]\n`,
    'app.py': app,
  }),
  observe: page,
}

/** The value is a variable of the ini file. The application is in the same ConfigMap. */
export const uwsgi: Program = {
  image: 'uwsgi',
  mountPath: '/etc/uwsgi',
  container: { command: ['uwsgi', '--master', '--ini', '/etc/uwsgi/app.ini'] },
  data: (value) => ({
    'app.ini': `
[uwsgi]
plugin = python3
http-socket = :8080
wsgi-file = /etc/uwsgi/app.py
env = GREETING=${value}
`,
    'app.py': app,
  }),
  observe: page,
}

/** The preset calls its default URL. */
export const alertmanager: Program = {
  image: 'alertmanager',
  comm: 'prometheus-aler',
  mountPath: '/etc/alertmanager',
  data: (value) => ({ 'alertmanager.yml': `route: {receiver: ${value}}\nreceivers: [{name: ${value}}]\n` }),
  observe: async ({ ns, pod }) =>
    /receiver: (\w+)/.exec((await ns.fetch(pod, '/api/v2/status', 9093)).body)?.[1],
}

export const blackboxExporter: Program = {
  image: 'blackbox-exporter',
  comm: 'prometheus-blac',
  mountPath: '/etc/blackbox',
  data: (value) => ({ 'blackbox.yml': `modules: {${value}: {prober: http}}\n` }),
  observe: async ({ ns, pod }) => /^ +(one|two):$/m.exec((await ns.fetch(pod, '/config', 9115)).body)?.[1],
}
