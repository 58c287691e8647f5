// Presets of programs that speak HTTP or FastCGI, each with Debian's program: the new value is answered by the same process.
import { get } from 'node:http'
import { beforeAll, expect, test } from 'vitest'
import { images } from '../support/kube.ts'
import { expectReload, type Program, start } from '../support/program.ts'
import { type Webhook, webhook } from '../support/webhook.ts'

let hook: Webhook
beforeAll(async () => {
  await images('apache2', 'squid', 'php-fpm', 'gunicorn', 'hotreload-agent')
  hook = await webhook()
})

const page: Program['observe'] = async ({ ns, pod }) => (await ns.fetch(pod, '/', 8080)).body

/** /slow gives a file of 4 MB at 250 kB/s: too much for the kernel's buffers, so that the program must stay for it. */
const apache2: Program = {
  image: 'apache2',
  mountPath: '/etc/apache2/conf-enabled',
  data: (value) => ({
    'site.conf': `
      LoadModule ratelimit_module /usr/lib/apache2/modules/mod_ratelimit.so
      ServerName web
      Listen 8080
      ErrorDocument 404 "${value}"
      Alias /slow /usr/bin/perl
      <Location /slow>
        Require all granted
        SetOutputFilter RATE_LIMIT
        SetEnv rate-limit 250
      </Location>
    `,
  }),
  observe: async ({ ns, pod }) => (await ns.fetch(pod, '/nothing', 8080)).body,
}

test('apache2: a running response goes on to its end', async () => {
  const running = await start(hook, apache2)
  const slow = new Promise<number>((resolve, reject) => {
    get(`http://${running.ip}:8080/slow`, (response) => {
      let length = 0
      response.on('data', (part: Buffer) => (length += part.length))
      response.on('end', () => resolve(response.complete ? length : -1))
    }).on('error', reject)
  })
  const ended = slow.then(() => 'the response')
  const reloaded = expectReload(apache2, running).then(() => 'the reload')
  expect(await Promise.race([ended, reloaded])).toBe('the reload')
  const size = Number((await running.exec('stat', '-Lc', '%s', '/usr/bin/perl')).trim())
  expect(await slow).toBe(size)
})

const squid: Program = {
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

test.each([
  { process: 'under its own supervisor', command: undefined },
  { process: 'as one process', command: ['squid', '-N', '-f', '/etc/squid/squid.conf'] },
])('squid $process', async ({ command }) => {
  const program = { ...squid, container: command ? { command } : {} }
  await expectReload(program, await start(hook, program))
})

const phpFpm: Program = {
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

test('php-fpm', async () => expectReload(phpFpm, await start(hook, phpFpm)))

/** The configuration of its workers: a file that HUP reads again, and what is in their environment. */
const gunicorn: Program = {
  image: 'gunicorn',
  mountPath: '/etc/gunicorn',
  data: (value) => ({
    'gunicorn.conf.py': `bind = "0.0.0.0:8080"\npythonpath = "/etc/gunicorn"\nraw_env = ["GREETING=${value}"]\n`,
    'app.py': `
import os
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [os.environ["GREETING"].encode()]
`,
  }),
  observe: page,
}

test('gunicorn', async () => expectReload(gunicorn, await start(hook, gunicorn)))
