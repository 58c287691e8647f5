import { connect, createServer, type Server } from 'node:tls'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseBundle } from '../../src/tls/certificates.ts'
import type { KeyPair } from '../../src/tls/issue.ts'
import { AUTHORITY_SECRET, ownAuthority, SERVING_SECRET } from '../../src/tls/own-authority.ts'
import { memoryPublisher, memorySecrets } from '../support/stores.ts'

const DAY = 86_400_000
const names: [string] = ['hotreload.hotreload-system.svc']

function install(secrets = memorySecrets()) {
  const clock = { now: Date.now() }
  const publisher = memoryPublisher()
  const replica = () => ownAuthority({ secrets, publisher, names, now: () => new Date(clock.now) })
  return { secrets, clock, publisher, replica }
}

describe('an install with its own authority', () => {
  test('issues an authority and a certificate that a client trusts by the published bundle', async () => {
    const { publisher, replica } = install()
    const serving = await replica().current()
    expect(await handshake(serving, publisher.bundle, names[0])).toBe('trusted')
    expect(await handshake(serving, publisher.bundle, 'other.svc')).toBe('ERR_TLS_CERT_ALTNAME_INVALID')
  })

  test('a second call, and a second replica, write nothing and serve the same certificate', async () => {
    const { secrets, replica } = install()
    const first = await replica().current()
    const writes = secrets.writes.length
    expect(await replica().current()).toEqual(first)
    expect(secrets.writes).toHaveLength(writes)
  })

  test('replicas that start at once agree, whatever the order of their calls', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), async (scheduler) => {
        const { secrets, publisher, replica } = install(
          memorySecrets(() => scheduler.schedule(Promise.resolve())),
        )
        const both = Promise.all([replica().current(), replica().current()])
        const [one, other] = await scheduler.waitFor(both)
        expect(one.cert).toBe(other.cert)
        expect(secrets.writes.toSorted()).toEqual([AUTHORITY_SECRET, SERVING_SECRET])
        expect(publisher.bundle).toBe(secrets.secrets.get(AUTHORITY_SECRET)?.data['ca.crt'])
      }),
      { numRuns: 40 },
    )
  })

  test('over three years every certificate is trusted, by the present bundle and by the one before it', async () => {
    const { clock, publisher, replica } = install()
    const start = clock.now
    const served = new Set<string>()
    const authorities = new Set<string>()
    await replica().current()
    let before = publisher.bundle
    // Each day, and the minutes in which an overlap begins and ends.
    for (let day = 0; day < 3 * 365; day += 1) {
      for (const minutes of [0, 3, 6]) {
        clock.now = start + day * DAY + minutes * 60_000
        const serving = await replica().current()
        const chain = parseBundle(serving.cert)[0]
        const signers = (pem: string) =>
          parseBundle(pem).filter((authority) => chain?.signedBy(authority) === true)
        expect(signers(publisher.bundle)).toHaveLength(1)
        expect(signers(before)).toHaveLength(1)
        expect(serving.expires.getTime()).toBeGreaterThan(clock.now + 25 * DAY)
        for (const authority of parseBundle(publisher.bundle)) authorities.add(authority.pem)
        expect(parseBundle(publisher.bundle).length).toBeLessThanOrEqual(2)
        served.add(serving.cert)
        before = publisher.bundle
      }
    }
    expect(authorities.size).toBe(5)
    expect(served.size).toBeGreaterThanOrEqual(18)
  }, 60_000)

  test.each([
    ['the authority is deleted', (store: Map<string, unknown>) => store.delete(AUTHORITY_SECRET)],
    ['the serving certificate is deleted', (store: Map<string, unknown>) => store.delete(SERVING_SECRET)],
    [
      'the authority is emptied',
      (store: Map<string, unknown>) => store.set(AUTHORITY_SECRET, { data: {}, resourceVersion: '1' }),
    ],
    [
      'the serving certificate is overwritten with something else',
      (store: Map<string, unknown>) =>
        store.set(SERVING_SECRET, { data: { 'tls.crt': 'x', 'tls.key': 'y' }, resourceVersion: '1' }),
    ],
  ])('%s: the next call repairs it', async (_what, harm) => {
    const { secrets, publisher, replica } = install()
    await replica().current()
    harm(secrets.secrets)
    const serving = await replica().current()
    expect(await handshake(serving, publisher.bundle, names[0])).toBe('trusted')
  })

  test('the authority is deleted: replicas that still serve the old certificate stay trusted until the new one is in use', async () => {
    const { secrets, clock, publisher, replica } = install()
    const old = await replica().current()
    secrets.secrets.delete(AUTHORITY_SECRET)
    expect(await replica().current()).toMatchObject({ cert: old.cert })
    expect(parseBundle(publisher.bundle)).toHaveLength(2)
    expect(await handshake(old, publisher.bundle, names[0])).toBe('trusted')
    clock.now += 6 * 60_000
    const next = await replica().current()
    expect(next.cert).not.toBe(old.cert)
    expect(await handshake(next, publisher.bundle, names[0])).toBe('trusted')
    expect(await handshake(old, publisher.bundle, names[0])).toBe('trusted')
  })

  test('both are deleted, as for a stolen key: nothing of before is trusted', async () => {
    const { secrets, publisher, replica } = install()
    const old = await replica().current()
    secrets.secrets.clear()
    const next = await replica().current()
    expect(await handshake(next, publisher.bundle, names[0])).toBe('trusted')
    expect(await handshake(old, publisher.bundle, names[0])).not.toBe('trusted')
  })

  test('the first clock was four days ahead: once one is right, the certificate is trusted at once', async () => {
    const { clock, publisher, replica } = install()
    clock.now += 4 * DAY
    const early = await replica().current()
    expect(await handshake(early, publisher.bundle, names[0])).toBe('CERT_NOT_YET_VALID')
    clock.now -= 4 * DAY
    const serving = await replica().current()
    expect(await handshake(serving, publisher.bundle, names[0])).toBe('trusted')
    clock.now += 4 * DAY
    expect(await replica().current()).toEqual(serving)
  })

  test('the server starts before its webhook configuration exists', async () => {
    const { publisher, replica } = install()
    publisher.reachable = false
    expect((await replica().current()).cert).toContain('BEGIN CERTIFICATE')
  })
})

/** `trusted`, or the code of the client's error. */
async function handshake({ cert, key }: KeyPair, ca: string, servername: string): Promise<string> {
  const server = createServer({ cert, key })
  const port = await listening(server)
  const outcome = await new Promise<string>((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', ca, servername }, () => {
      resolve('trusted')
      socket.destroy()
    })
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
  })
  server.close()
  return outcome
}

function listening(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve(address !== null && typeof address === 'object' ? address.port : 0)
    })
  })
}
