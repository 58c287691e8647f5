// Presets of programs that speak HTTP or FastCGI, each with Debian's package: the same process serves the new value.
import { once } from 'node:events'
import { connect } from 'node:net'
import { beforeAll, expect, test } from 'vitest'
import { images } from '../support/kube.ts'
import { LARGE_BYTES, makeLarge, pausedResponse } from '../support/paused-response.ts'
import { expectInEffect, expectReload, start } from '../support/program.ts'
import {
  alertmanager,
  apache2,
  blackboxExporter,
  caddy,
  gunicorn,
  haproxy,
  phpFpm,
  squid,
  uwsgi,
} from '../support/programs/http.ts'
import { type Webhook, webhook } from '../support/webhook.ts'

const programs = [apache2, caddy, haproxy, squid, phpFpm, gunicorn, uwsgi, alertmanager, blackboxExporter]
let hook: Webhook
beforeAll(async () => {
  await images(...programs.map(({ image }) => image), 'hotreload-agent')
  hook = await webhook()
})

test('apache2 reloads and completes a running response', async () => {
  const running = await start(hook, apache2)
  await running.exec(...makeLarge('/tmp/large'))
  const response = await pausedResponse(`http://${running.ip}:8080/large`)
  await expectReload(apache2, running)
  expect(await response.finish()).toBe(LARGE_BYTES)
})

test('haproxy reloads and answers a half-sent request by the old configuration', async () => {
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
])('squid reloads $process', async ({ command }) => {
  const program = { ...squid, container: command ? { command } : {} }
  await expectReload(program, await start(hook, program))
})

test.each([phpFpm, gunicorn, uwsgi])('$image reloads', async (program) =>
  expectReload(program, await start(hook, program)),
)

test.each([alertmanager, blackboxExporter])('$image reloads by its URL', async (program) =>
  expectReload(program, await start(hook, program)),
)

test('caddy with --watch reloads without an agent', async () => {
  const command = ['caddy', 'run', '--watch', '--config', '/etc/caddy/Caddyfile']
  const program = { ...caddy, container: { command } }
  const running = await start(hook, program)
  expect(running.pod.spec?.initContainers ?? []).toEqual([])
  await expectInEffect(program, running)
})
