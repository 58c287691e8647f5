// Programs that never re-read their file. Nobody signals them: their Pods have no agent, their template a checksum, which replaces them.
// The signal that somebody might think of is sent by hand, to see that the preset is right to send none.
import { Resolver } from 'node:dns/promises'
import { connect } from 'node:net'
import type { V1Deployment } from '@kubernetes/client-node'
import { beforeAll, expect, test } from 'vitest'
import { images, until } from '../support/kube.ts'
import { type Program, says, start } from '../support/program.ts'
import { caddy } from '../support/programs/http.ts'
import { edit, expectUntouched } from '../support/reload.ts'
import { type Webhook, webhook } from '../support/webhook.ts'

let hook: Webhook
beforeAll(async () => {
  await images('rsyslog', 'redis', 'dnsmasq', 'stunnel', 'mariadb', 'caddy')
  hook = await webhook()
})

const redis: Program = {
  image: 'redis',
  mountPath: '/etc/redis',
  data: (value) => ({ 'redis.conf': `port 6379\nsave ""\nproc-title-template ${value}\n` }),
  observe: async ({ exec }) =>
    (await exec('redis-cli', 'config', 'get', 'proc-title-template')).trim().split('\n').at(-1),
}

/** Its only output is a file, each line of which begins with the value. */
const rsyslog: Program = {
  image: 'rsyslog',
  mountPath: '/etc/rsyslog',
  data: (value) => ({
    'rsyslog.conf': `
module(load="imtcp")
input(type="imtcp" port="5140")
template(name="line" type="string" string="${value} %msg%\\n")
action(type="omfile" file="/tmp/out" template="line")
`,
  }),
  observe: async ({ ip, exec }) => {
    const sender = connect(5140, ip, () => sender.end('<13>Jan  1 00:00:00 host test: hello\n'))
    sender.on('error', () => undefined) // it does not listen yet
    return (await exec('tail', '--lines=1', '/tmp/out')).split(' ')[0]
  },
}

const addresses: Record<string, string> = { '10.0.0.1': 'one', '10.0.0.2': 'two' }
const dnsmasq: Program = {
  image: 'dnsmasq',
  mountPath: '/etc/dnsmasq',
  data: (value) => ({
    'dnsmasq.conf': `port=5353\nno-resolv\naddress=/web.test/10.0.0.${value === 'one' ? 1 : 2}\n`,
  }),
  observe: async ({ ip }) => {
    const asks = new Resolver({ timeout: 1000, tries: 1 })
    asks.setServers([`${ip}:5353`])
    const [address = ''] = await asks.resolve4('web.test')
    return addresses[address]
  },
}

/** It remembers where its file's symlinks led when it started, and finds nothing there after a swap. Said by the port it listens on. */
const stunnel: Program = {
  image: 'stunnel',
  mountPath: '/etc/stunnel',
  data: (value) => ({
    'stunnel.conf': `foreground = yes\npid =\n[web]\nclient = yes\naccept = ${value === 'one' ? 8001 : 8002}\nconnect = 127.0.0.1:9\n`,
  }),
  observe: async ({ ip }) =>
    (await listens(8001, ip)) ? 'one' : (await listens(8002, ip)) ? 'two' : undefined,
}

const listens = (port: number, ip: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, ip, () => resolve(true)).on('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })

/** What a server says its version is may be set. */
const mariadb: Program = {
  image: 'mariadb',
  mountPath: '/etc/mysql',
  data: (value) => ({
    'my.cnf': `[mariadbd]\ndatadir=/var/lib/mysql\nsocket=/tmp/socket\npid-file=/tmp/pid\nversion=10.11.0-${value}\n`,
  }),
  observe: async ({ exec }) =>
    (await exec('mariadb', '--no-defaults', '--socket=/tmp/socket', '--batch', '--execute=select @@version'))
      .trim()
      .split('-')
      .at(-1),
}

test.each([redis, rsyslog, dnsmasq, stunnel, mariadb, caddy])('$image rolls out', async (program) => {
  const running = await start(hook, program)
  const { ns, pod, exec } = running
  expect(pod.spec?.initContainers ?? []).toEqual([])
  expect(pod.spec?.shareProcessNamespace).toBeUndefined()
  const { spec } = await ns.get<V1Deployment>('deployment', 'web')
  const annotations = spec?.template.metadata?.annotations ?? {}
  expect(JSON.parse(annotations['hotreload.dev/checksum'] ?? '{}')).toHaveProperty(['ConfigMap/config'])

  await edit(ns, 'config', program.data('two'), [pod])
  const [content = ''] = Object.values(program.data('two'))
  const files = () => exec('sh', '-c', `cat ${program.mountPath}/*`)
  await until('the kubelet brought the new file', async () => (await files()).includes(content))
  await exec('sh', '-c', 'kill -HUP 1')
  await says(program, running, 'one')
  await says(program, running, 'one')
  await expectUntouched(ns, pod)
})
