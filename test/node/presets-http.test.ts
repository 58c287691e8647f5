// Presets of programs that speak HTTP or FastCGI, each with Debian's program: the new value is answered by the same process.
import { once } from 'node:events'
import { get } from 'node:http'
import { connect } from 'node:net'
import { beforeAll, expect, test } from 'vitest'
import { images } from '../support/kube.ts'
import { expectReload, start } from '../support/program.ts'
import {
  alertmanager,
  apache2,
  blackboxExporter,
  gunicorn,
  haproxy,
  phpFpm,
  squid,
  uwsgi,
} from '../support/programs/http.ts'
import { type Webhook, webhook } from '../support/webhook.ts'

const programs = [apache2, haproxy, squid, phpFpm, gunicorn, uwsgi, alertmanager, blackboxExporter]
let hook: Webhook
beforeAll(async () => {
  await images(...programs.map(({ image }) => image), 'hotreload-agent')
  hook = await webhook()
})

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

test('haproxy: a request that was half sent before is answered, by the old configuration', async () => {
  const running = await start(hook, haproxy)
  const client = connect(8080, running.ip, () =>
    client.write('GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n'),
  )
  const answer = new Promise<string>((resolve, reject) => {
    const parts: Buffer[] = []
    client.on('data', (part: Buffer) => parts.push(part))
    client.on('end', () => resolve(Buffer.concat(parts).toString()))
    client.on('error', reject)
  })
  await once(client, 'connect')
  await expectReload(haproxy, running)
  client.write('\r\n')
  expect(await answer).toMatch(/^HTTP\/1.1 200 [^]*one$/)
  client.destroy()
})

test.each([
  { process: 'under its own supervisor', command: undefined },
  { process: 'as one process', command: ['squid', '-N', '-f', '/etc/squid/squid.conf'] },
])('squid $process', async ({ command }) => {
  const program = { ...squid, container: command ? { command } : {} }
  await expectReload(program, await start(hook, program))
})

test.each([phpFpm, gunicorn, uwsgi])('$image', async (program) =>
  expectReload(program, await start(hook, program)),
)

test.each([alertmanager, blackboxExporter])('$image by its URL', async (program) =>
  expectReload(program, await start(hook, program)),
)
