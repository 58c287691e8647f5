// Programs that never re-read their file. Their Pods have no agent, and a checksum in their template replaces them.
// The test sends SIGHUP itself, to prove that the preset is right to send none.
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
  await images('rsyslog', 'redis', 'dnsmasq', 'stunnel', 'mariadb', 'caddy', 'varnish')
  hook = await webhook()
})

const redis: Program = {
  image: 'redis',
  mountPath: '/etc/redis',
  data: (value) => ({ 'redis.conf': `port 6379\nsave ""\nproc-title-template ${value}\n` }),
  observe: async ({ exec }) =>
    (await exec('redis-cli', 'config', 'get', 'proc-title-template')).trim().split('\n').at(-1),
}

/** It writes a file whose lines begin with the value. */
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
    sender.on('error', () => undefined) // rsyslog does not listen yet
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
    const resolver = new Resolver({ timeout: 1000, tries: 1 })
    resolver.setServers([`${ip}:5353`])
    const [address = ''] = await resolver.resolve4('web.test')
    return addresses[address]
  },
}

/** It keeps the resolved path of its file, which no longer exists after a swap. The port that it listens on shows the value. */
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

/** The value is a part of the version that the server reports. */
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

/** Only varnishadm loads another VCL. */
const varnish: Program = {
  image: 'varnish',
  mountPath: '/etc/varnish',
  data: (value) => ({
    'default.vcl': `vcl 4.1;
backend default none;
sub vcl_recv { return (synth(200)); }
sub vcl_synth { synthetic("${value}"); return (deliver); }
`,
  }),
  observe: async ({ ns, pod }) => (await ns.fetch(pod, '/', 8080)).body,
}

test.each([redis, rsyslog, dnsmasq, stunnel, mariadb, caddy, varnish])(
  '$image rolls out',
  async (program) => {
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
    await until('the kubelet has updated the file', async () => (await files()).includes(content))
    await exec('sh', '-c', 'kill -HUP 1')
    await says(program, running, 'one')
    await says(program, running, 'one')
    await expectUntouched(ns, pod)
  },
)
