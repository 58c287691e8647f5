// The webhook as it is shipped (bundle, node's flags, limit of memory) against whoever reaches its port, beside ordinary reviews.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { Agent, request as httpsRequest } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { connect, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { SHIPPED } from '../../bench/support/shipped.ts'
import { issueAuthority, issueServing } from '../../src/tls/issue.ts'
import { createMemoryCgroup, type MemoryCgroup } from '../support/memory-cgroup.ts'
import { review } from '../support/server.ts'
import { until } from '../support/until.ts'

const MAIN = join(import.meta.dirname, '../../dist/main.mjs')
const MEBIBYTE = 1024 * 1024

let directory: string
let cgroup: MemoryCgroup
let port: number
let metricsPort: number
let exit: string | undefined
let stop: () => Promise<void>

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hotreload-bounds-'))
  const authority = await issueAuthority(new Date())
  const { cert, key } = await issueServing(authority, ['localhost'], new Date())
  await Promise.all([writeFile(join(directory, 'tls.crt'), cert), writeFile(join(directory, 'tls.key'), key)])
  cgroup = createMemoryCgroup('hotreload-bounds', shippedLimit())
  const flags = ['--only=webhook', `--tls-dir=${directory}`, '--port=0', '--metrics-port=0']
  const child = cgroup.start(process.execPath, [...SHIPPED.flags, MAIN, 'serve', ...flags], {
    ...process.env,
    ...SHIPPED.environment,
  })
  child.on('exit', (code, signal) => (exit = `ended with ${signal ?? code}`))
  stop = async () => {
    if (exit === undefined) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  }
  let log = ''
  child.stdout?.setEncoding('utf8').on('data', (part) => (log += String(part)))
  await until('it serves', () => log.includes('certificate in use') && log.includes('"serving"'))
  const serving = log.split('\n').find((line) => line.includes('"serving"')) ?? '{}'
  ;({ port, metricsPort } = JSON.parse(serving))
})

afterAll(async () => {
  await stop?.()
  cgroup?.remove()
  if (directory) await rm(directory, { recursive: true })
})

/** The limit of the container that runs the webhook. */
function shippedLimit(): number {
  const file = new URL('../../deploy/base/webhook-deployment.yaml', import.meta.url)
  const limits = parseAllDocuments(readFileSync(file, 'utf8')).flatMap((document) => {
    const containers: unknown = document.getIn([
      'spec',
      'template',
      'spec',
      'containers',
      0,
      'resources',
      'limits',
      'memory',
    ])
    return typeof containers === 'string' ? [containers] : []
  })
  return Number(/^(\d+)Mi$/.exec(limits[0] ?? '')?.[1]) * MEBIBYTE
}

const ordinary = JSON.stringify(review())
const headers = { 'content-type': 'application/json' }

interface Reply {
  status: number | undefined
  /** Why there is none. */
  error?: string
}

/** One POST. Never rejects. */
function post(agent: Agent | undefined, body: string, path = '/mutate/pods'): Promise<Reply> {
  return new Promise((resolve) => {
    const at = { host: '127.0.0.1', port, method: 'POST', path, rejectUnauthorized: false }
    const length = { 'content-length': Buffer.byteLength(body) }
    const outgoing = httpsRequest(
      { ...at, headers: { ...headers, ...length }, agent: agent ?? false },
      (response) => {
        text(response).then(
          () => resolve({ status: response.statusCode }),
          (error: Error) => resolve({ status: undefined, error: error.message }),
        )
      },
    )
    outgoing.setTimeout(30_000, () => outgoing.destroy(new Error('no answer in 30 s')))
    outgoing.on('error', (error) => resolve({ status: undefined, error: error.message })).end(body)
  })
}

interface Outcome {
  answered: number
  /** 503, and then answered as the API server's client asks again: after a second, within its 5 s. */
  askedAgain: number
  lost: string[]
}

/** Sends ordinary reviews by as many connections as an API server keeps, until `enough`. */
async function sendOrdinary(enough: (sent: number) => boolean): Promise<Outcome> {
  const agent = new Agent({ keepAlive: true, maxSockets: 25 })
  const outcome: Outcome = { answered: 0, askedAgain: 0, lost: [] }
  let sent = 0
  const sendNext = async (): Promise<void> => {
    while (!enough(sent)) {
      sent += 1
      const start = performance.now()
      let reply = await post(agent, ordinary)
      const isRefused = reply.status === 503
      while (reply.status === 503 && performance.now() - start < 4_000) {
        await new Promise((resolve) => setTimeout(resolve, 1_000))
        reply = await post(agent, ordinary)
      }
      if (reply.status !== 200) outcome.lost.push(`${reply.status} ${reply.error}`)
      else if (isRefused) outcome.askedAgain += 1
      else outcome.answered += 1
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  await Promise.all(Array.from({ length: 8 }, sendNext))
  agent.destroy()
  return outcome
}

/** Sends ordinary reviews for as long as `attack` lasts. The process must live. */
async function beside(attack: () => Promise<void>): Promise<Outcome> {
  let isOver = false
  const ordinaryOnes = sendOrdinary((sent) => isOver && sent >= 100)
  try {
    await attack()
  } finally {
    isOver = true
  }
  const outcome = await ordinaryOnes
  expect(exit, 'the process').toBe(undefined)
  expect((await fetch(`http://127.0.0.1:${metricsPort}/healthz`)).status).toBe(200)
  return outcome
}

/** Bodies of `length` bytes at most, each of one kind of value. */
const shapes: Readonly<Record<string, (length: number) => string>> = {
  'empty objects': (length) => within(length, '{},', '{}'),
  'empty lists': (length) => within(length, '[],', '[]'),
  'opening brackets': (length) => '['.repeat(length),
  'objects in each other': (length) => '{"a":'.repeat(length / 5),
  'distinct keys': (length) => within(length, (i) => `{"k${i}":0},`, '0'),
  'one object of many keys': (length) => `{${items(length - 10, (i) => `"k${i}":0,`)}"x":0}`,
  strings: (length) => within(length, (i) => `"${i}",`, '0'),
  numbers: (length) => within(length, '1.5,', '0'),
  'one string': (length) => JSON.stringify({ ...review(), text: 'x'.repeat(length - 1_000) }),
}

const items = (length: number, item: (i: number) => string): string => {
  const parts: string[] = []
  for (let [i, size] = [0, 0]; ; i += 1) {
    const next = item(i)
    size += next.length
    if (size > length) return parts.join('')
    parts.push(next)
  }
}

/** An ordinary review with a list of items in its object. */
function within(length: number, item: string | ((i: number) => string), last: string): string {
  const [before = '', after = ''] = ordinary.split('"spec":')
  const each = typeof item === 'string' ? () => item : item
  return `${before}"x":[${items(length - ordinary.length - 20, each)}${last}],"spec":${after}`
}

test.each(Object.entries(shapes))('bodies of %s, of 16 MiB, 6 MiB and 200 KiB', async (_name, shape) => {
  const bodies = [16 * MEBIBYTE, 6 * MEBIBYTE, 200 * 1024].map(shape)
  const { lost } = await beside(async () => {
    for (const body of bodies)
      await Promise.all(
        ['/mutate/pods', '/mutate/workloads', '/mutate/pods', '/mutate/workloads'].map((path) =>
          post(undefined, body, path),
        ),
      )
  })
  expect(lost).toEqual([])
})

/** A connection that has sent `text` and from then on does nothing, or drips. */
function open(start: string): Promise<TLSSocket> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      socket.write(start, () => resolve(socket))
    })
    socket.on('error', () => resolve(socket)).resume()
  })
}

const head = (fields: string) =>
  `POST /mutate/pods HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${fields}\r\n\r\n`

test.each([
  [6_000, 'that only ask for something', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
  [2_000, 'whose first review was accepted', `${head(`Content-Length: ${ordinary.length}`)}${ordinary}`],
])(
  '%d idle connections %s',
  async (count, _what, start) => {
    const sockets: TLSSocket[] = []
    const { lost } = await beside(async () => {
      for (let i = 0; i < count / 100; i += 1)
        sockets.push(...(await Promise.all(Array.from({ length: 100 }, () => open(start)))))
    })
    for (const socket of sockets) socket.destroy()
    expect(lost).toEqual([])
  },
  300_000,
)

test.each([
  ['a length of 16 MiB', head(`Content-Length: ${16 * MEBIBYTE}`), ' '],
  ['a length of 6 MiB', head(`Content-Length: ${6 * MEBIBYTE}`), ' '],
  ['chunks', head('Transfer-Encoding: chunked'), '1\r\n \r\n'],
])('10 slow connections with %s beside 700 ordinary reviews: none is refused', async (_what, start, drip) => {
  const end = new AbortController()
  const slow = Array.from({ length: 10 }, async () => {
    while (!end.signal.aborted) {
      const socket = await open(start)
      while (!end.signal.aborted && !socket.destroyed) {
        socket.write(drip)
        await new Promise((resolve) => setTimeout(resolve, 500))
      }
      socket.destroy()
    }
  })
  const outcome = await sendOrdinary((sent) => sent >= 700)
  end.abort()
  await Promise.all(slow)
  expect(outcome).toEqual({ answered: 700, askedAgain: 0, lost: [] })
  expect(exit).toBe(undefined)
})
