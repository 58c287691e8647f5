import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import { afterEach, describe, expect, test } from 'vitest'
import type { Handler } from '../../../src/admission/handler.ts'
import type { AdmissionServer, ServerOptions } from '../../../src/admission/server.ts'
import { countingServer, listen, review, unchanged, useTestCertificate } from '../../support/server.ts'
import { until } from '../../support/until.ts'

const servers: AdmissionServer[] = []
const clients: TLSSocket[] = []
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy()
  for (const server of servers.splice(0)) await server.close()
})

async function listening(options: Partial<ServerOptions> = {}, mutate: Handler = unchanged) {
  const { server, refused } = countingServer(mutate, options)
  servers.push(server)
  await useTestCertificate(server)
  const port = await listen(server)
  return { refused, open: () => client(port) }
}

interface Client {
  socket: TLSSocket
  received: () => string
}

async function client(port: number): Promise<Client> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
  clients.push(socket)
  let received = ''
  socket.setEncoding('utf8').on('data', (part) => (received += String(part)))
  socket.on('error', () => undefined)
  await Promise.race([once(socket, 'secureConnect'), once(socket, 'close')])
  return { socket, received: () => received }
}

const body = JSON.stringify(review())
const head = (length: number) =>
  `POST /mutate/pods HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`

async function answered({ socket, received }: Client): Promise<boolean> {
  const before = received().length
  socket.write(head(body.length) + body)
  await until('an answer', () => received().length > before || socket.destroyed, 20_000, 5)
  return received().slice(before).startsWith('HTTP/1.1 200 ')
}

const isClosed = ({ socket }: Client) => until('the connection is closed', () => socket.destroyed)

describe('connections', () => {
  test('one too many: the oldest without an accepted review goes, others stay', async () => {
    const { open } = await listening({ maxConnections: 3 })
    const useful = await open()
    expect(await answered(useful)).toBe(true)
    const idle = [await open(), await open()]
    const next = await open()
    await isClosed(idle[0] as Client)
    expect([useful, idle[1], next].map((one) => one?.socket.destroyed)).toEqual([false, false, false])
    expect(await answered(useful)).toBe(true)
    expect(await answered(next)).toBe(true)
  })

  test('where all others were of use, the one that was unused longest goes', async () => {
    const { open } = await listening({ maxConnections: 2 })
    const [first, second] = [await open(), await open()]
    expect([await answered(first), await answered(second), await answered(first)]).toEqual([true, true, true])
    const third = await open()
    await isClosed(second)
    expect([await answered(first), await answered(third)]).toEqual([true, true])
  })

  test('a thousand idle ones one after the other keep nobody out', async () => {
    const { open } = await listening({ maxConnections: 20 })
    const useful = await open()
    expect(await answered(useful)).toBe(true)
    for (let i = 0; i < 10; i += 1) await Promise.all(Array.from({ length: 20 }, open))
    expect(await answered(useful)).toBe(true)
    expect(await answered(await open())).toBe(true)
  })

  test.each([
    ['GET / HTTP/1.1\r\nHost: x\r\n\r\n', /^HTTP\/1\.1 404 .*HR_NOT_FOUND/s],
    [`${head(2)}{}`, /^HTTP\/1\.1 400 .*HR_BAD_REVIEW/s],
  ])('whoever sends something else first is answered and gets no idle connection', async (text, expected) => {
    const { open } = await listening()
    const other = await open()
    other.socket.write(text)
    await isClosed(other)
    expect(other.received()).toMatch(expected)
  })

  test('a mistake after an accepted review costs no connection', async () => {
    const { open } = await listening()
    const useful = await open()
    expect(await answered(useful)).toBe(true)
    useful.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await until('the mistake is answered', () => useful.received().includes(' 404 '))
    expect(await answered(useful)).toBe(true)
  })
})

describe('slow bodies', () => {
  test('one that takes longer than 2 s is refused', async () => {
    const { open, refused } = await listening()
    const slow = await open()
    slow.socket.write(`${head(1_000)}{`)
    const drip = setInterval(() => slow.socket.write(' '), 100)
    await until('it is refused', () => slow.socket.destroyed)
    clearInterval(drip)
    expect(slow.received()).toMatch(/^HTTP\/1\.1 408 .*HR_BODY_TIMEOUT/s)
    expect(refused).toEqual(['HR_BODY_TIMEOUT'])
  })

  test('an announced length takes nothing from others', async () => {
    const { open, refused } = await listening()
    const slow = await Promise.all(Array.from({ length: 50 }, open))
    for (const { socket } of slow) socket.write(`${head(6_000_000)}{`)
    const useful = await open()
    for (let i = 0; i < 20; i += 1) expect(await answered(useful)).toBe(true)
    expect(refused).not.toContain('HR_OVERLOADED')
  })

  test('small reviews are answered while large ones take all of their budget', async () => {
    const limits = { inFlight: 512, memoryBytes: 1_000_000, smallBodyBytes: 10_000, lagMilliseconds: 1_000 }
    const { open, refused } = await listening({ limits })
    const [first, second] = [await open(), await open()]
    for (const { socket } of [first, second]) socket.write(head(2_000_000) + ' '.repeat(900_000))
    await until('the second is refused', () => refused.includes('HR_OVERLOADED'))
    const useful = await open()
    for (let i = 0; i < 20; i += 1) expect(await answered(useful)).toBe(true)
    expect(refused.filter((code) => code === 'HR_OVERLOADED')).toHaveLength(1)
  })

  test('a body without a length that exceeds the limit is refused when it does', async () => {
    const { open, refused } = await listening()
    const { socket, received } = await open()
    socket.write(
      'POST /mutate/pods HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
    )
    const megabyte = `${(1_000_000).toString(16)}\r\n${' '.repeat(1_000_000)}\r\n`
    for (let i = 0; i < 7; i += 1) socket.write(megabyte)
    await until('it is refused', () => socket.destroyed || received().includes('413'))
    expect(refused[0]).toBe('HR_BODY_TOO_LARGE')
  })
})
