import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { certificateDirectory } from '../../src/tls/directory.ts'
import { issueAuthority, issueServing, type KeyPair } from '../../src/tls/issue.ts'
import { keepCertificate } from '../../src/tls/keeper.ts'
import { countingServer, listen, unchanged } from '../support/server.ts'

let directory: string
let authority: KeyPair
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hotreload-tls-'))
  authority = await issueAuthority(new Date())
})
afterAll(() => rm(directory, { recursive: true }))

const issue = () => issueServing(authority, ['localhost'], new Date())
const write = async ({ cert, key }: KeyPair) => {
  await Promise.all([writeFile(join(directory, 'tls.crt'), cert), writeFile(join(directory, 'tls.key'), key)])
}

test('a missing directory: the error names the file and the flag', async () => {
  await expect(certificateDirectory('/nonexistent').current()).rejects.toThrow(
    /--tls-dir: \/nonexistent\/tls\.\w+ can't be read \(ENOENT\).*\[HR_BAD_TLS_DIR\]/,
  )
})

test('a key that belongs to another certificate is refused', async () => {
  const [one, other] = [await issue(), await issue()]
  await write({ cert: one.cert, key: other.key })
  await expect(certificateDirectory(directory).current()).rejects.toThrow(/not a certificate and its key/)
})

test('the keeper reads it again: new connections get the new certificate, a half-written pair changes nothing', async () => {
  const { server } = countingServer(unchanged)
  const failures: unknown[] = []
  const first = await issue()
  await write(first)
  const stop = keepCertificate({
    source: certificateDirectory(directory),
    use: (certificate) => server.server.setSecureContext(certificate),
    failed: (error) => failures.push(error),
    times: { firstMilliseconds: 10, againMilliseconds: 10 },
  })
  const port = await listen(server)
  await expect.poll(() => presented(port)).toBe(fingerprintSource(first.cert))
  const second = await issue()
  await writeFile(join(directory, 'tls.crt'), second.cert)
  await expect.poll(() => failures.length).toBeGreaterThan(0)
  expect(await presented(port)).toBe(fingerprintSource(first.cert))
  await writeFile(join(directory, 'tls.key'), second.key)
  await expect.poll(() => presented(port)).toBe(fingerprintSource(second.cert))
  stop()
  await server.close()
})

/** The body of a PEM certificate, which is its DER in base64. */
function fingerprintSource(pem: string): string {
  return pem.replaceAll(/-----[^-]+-----|\s/g, '')
}

/** The server's certificate in the same form; empty without one. */
function presented(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', ca: authority.cert, servername: 'localhost' }, () => {
      resolve(socket.getPeerCertificate().raw.toString('base64'))
      socket.destroy()
    })
    socket.on('error', () => resolve(''))
  })
}
