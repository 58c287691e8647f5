// Programs with their own protocols, observed by clients.
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { generate } from 'selfsigned'
import { beforeAll, expect, test } from 'vitest'
import { firstBytes } from '../support/first-bytes.ts'
import { images } from '../support/kube.ts'
import { expectReload, type Program, start } from '../support/program.ts'
import { type Webhook, webhook } from '../support/webhook.ts'

let hook: Webhook
const certificates: Record<string, string> = {}
beforeAll(async () => {
  for (const value of ['one', 'two']) {
    const { private: key, cert } = await generate([{ name: 'commonName', value }])
    certificates[value] = `${key}\n${cert}\n`
  }
  await images('mosquitto', 'nats-server', 'stunnel', 'dovecot', 'memcached', 'hotreload-agent')
  hook = await webhook()
})

/** MQTT 3.1.1, 3.1 and 3.2: CONNECT without a user, as client "t". The fourth byte of the response is 0 (accepted) or 5 (refused). */
const CONNECT = Uint8Array.of(0x10, 13, 0, 4, ...Buffer.from('MQTT'), 4, 2, 0, 60, 0, 1, ...Buffer.from('t'))

const mosquitto: Program = {
  image: 'mosquitto',
  mountPath: '/etc/mosquitto',
  data: (value) => ({ 'mosquitto.conf': `listener 1883\nallow_anonymous ${value === 'two'}\n` }),
  observe: async ({ ip }) => ({ 5: 'one', 0: 'two' })[(await firstBytes(1883, ip, CONNECT))[3] ?? -1],
}

test('mosquitto loads its access rules', async () => expectReload(mosquitto, await start(hook, mosquitto)))

const natsServer: Program = {
  image: 'nats-server',
  mountPath: '/etc/nats',
  data: (value) => ({ 'nats.conf': `port: 4222\nmax_payload: ${value === 'one' ? 1000 : 2000}\n` }),
  observe: async ({ ip }) => {
    const info = (await firstBytes(4222, ip, Buffer.from('PING\r\n'))).toString()
    return { 1000: 'one', 2000: 'two' }[Number(/"max_payload":(\d+)/.exec(info)?.[1])]
  },
}

test('nats loads its limit, and a connected client keeps its connection', async () => {
  const running = await start(hook, natsServer)
  const client = connect(4222, running.ip, () => client.write('CONNECT {"verbose":false}\r\n'))
  const received: string[] = []
  client.on('data', (data) => received.push(data.toString()))
  const ended = new Promise((resolve) => client.once('close', resolve)).then(() => 'the connection ended')
  await expectReload(natsServer, running)
  received.length = 0
  const pong = new Promise((resolve) => client.on('data', (data) => data.includes('PONG') && resolve('PONG')))
  client.write('PING\r\n')
  expect(await Promise.race([pong, ended])).toBe('PONG')
  client.destroy()
})

/** The common case: a renewed certificate. */
const stunnel: Program = {
  image: 'stunnel',
  comm: 'stunnel4',
  mountPath: '/etc/tls',
  data: (value) => ({ 'tls.pem': certificates[value] ?? '' }),
  observe: ({ ip }) =>
    new Promise((resolve, reject) => {
      const socket = connectTls({ host: ip, port: 8443, rejectUnauthorized: false }, () => {
        resolve(String(socket.getPeerCertificate().subject.CN))
        socket.end()
      })
      socket.setTimeout(2000, () => socket.destroy(new Error('no answer')))
      socket.once('error', reject)
    }),
}

test('stunnel loads a renewed certificate', async () => expectReload(stunnel, await start(hook, stunnel)))

/** It greets each client with the value. */
const dovecot: Program = {
  image: 'dovecot',
  mountPath: '/etc/dovecot',
  data: (value) => ({
    'dovecot.conf': `
protocols = imap
listen = *
log_path = /dev/stderr
ssl = no
login_greeting = ${value}
passdb {
  driver = static
  args = nopassword=y
}
userdb {
  driver = static
  args = uid=65534 gid=65534 home=/tmp
}
`,
  }),
  observe: async ({ ip }) => / (one|two)\r\n/.exec((await firstBytes(143, ip, Buffer.of())).toString())?.[1],
}

test('dovecot loads its greeting', async () => expectReload(dovecot, await start(hook, dovecot)))

/** The value is a user's password. The text protocol responds CLIENT_ERROR to a wrong one. */
const memcached: Program = {
  image: 'memcached',
  mountPath: '/etc/memcached',
  container: { command: ['memcached', '-u', 'nobody', '-Y', '/etc/memcached/auth'] },
  data: (value) => ({ auth: `user:${value}\n` }),
  observe: async ({ ip }) =>
    (await logsIn(ip, 'one')) ? 'one' : (await logsIn(ip, 'two')) ? 'two' : undefined,
}
const logsIn = async (ip: string, password: string): Promise<boolean> => {
  const login = Buffer.from(`set login 0 0 8\r\nuser ${password}\r\n`)
  return (await firstBytes(11_211, ip, login)).toString().startsWith('STORED')
}

test('memcached loads its users', async () => expectReload(memcached, await start(hook, memcached)))
