import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generate } from 'selfsigned'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildWebhook } from '../../src/cli/serve/build-webhook.ts'
import { readServeOptions } from '../../src/cli/serve/options.ts'
import { builtInDefaults } from '../../src/policy/defaults.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { withClientAuthority } from '../../src/tls/client-authority.ts'
import { certificateDirectory } from '../../src/tls/directory.ts'
import { issueAuthority, issueServing, type KeyPair } from '../../src/tls/issue.ts'
import { review } from '../support/server.ts'
import { until } from '../support/until.ts'

let directory: string
let file: string
let own: KeyPair
let other: KeyPair
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hotreload-client-ca-'))
  file = join(directory, 'client-ca.crt')
  ;[own, other] = [await issueAuthority(new Date()), await issueAuthority(new Date())]
  const { cert, key } = await issueServing(own, ['localhost'], new Date())
  await Promise.all([writeFile(join(directory, 'tls.crt'), cert), writeFile(join(directory, 'tls.key'), key)])
})
afterAll(() => rm(directory, { recursive: true }))

/** As an administrator issues it for the API servers. */
async function clientCertificate(ca: KeyPair): Promise<KeyPair> {
  const extensions = [{ name: 'extKeyUsage' as const, clientAuth: true }]
  const issued = await generate([{ name: 'commonName', value: 'api server' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions,
    ca,
  })
  return { cert: issued.cert, key: issued.private }
}

/** The status of an ordinary review's response; undefined: the connection was refused. */
function send(port: number, client: Partial<KeyPair>): Promise<number | undefined> {
  return new Promise((resolve) => {
    const headers = { 'content-type': 'application/json' }
    const at = { host: '127.0.0.1', port, method: 'POST', path: '/mutate/pods', headers }
    const call = request({ ...at, rejectUnauthorized: false, agent: false, ...client }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode))
    })
    call.on('error', () => resolve(undefined)).end(JSON.stringify(review()))
  })
}

test('the webhook answers only clients with a certificate of the authority, and follows its file', async () => {
  await writeFile(file, own.cert)
  const never = new AbortController().signal
  const webhook = buildWebhook({
    options: readServeOptions({ port: '0', tlsDir: directory, clientCa: file, only: 'webhook' }),
    io: { environment: {}, drain: never, now: never },
    log: createLog('error'),
    metrics: createMetrics(),
    defaults: () => builtInDefaults,
    cluster: undefined,
  })
  const port = (await webhook.start()) ?? 0
  await until('it is ready', () => webhook.notReady() === undefined)
  const [ofOwn, ofOther] = [await clientCertificate(own), await clientCertificate(other)]
  expect(await send(port, ofOwn)).toBe(200)
  expect(await send(port, {})).toBe(undefined)
  expect(await send(port, ofOther)).toBe(undefined)
  await writeFile(file, other.cert)
  await until('the other authority counts', async () => (await send(port, ofOther)) === 200, 20_000)
  expect(await send(port, ofOwn)).toBe(undefined)
  await webhook.close()
})

test.each([
  [
    'a file that does not exist',
    '/nonexistent',
    /--client-ca: \/nonexistent can't be read \(ENOENT\).*\[HR_BAD_CLIENT_CA\]/,
  ],
  ['a key in place of a certificate', 'tls.key', /holds no certificate/],
  ['a certificate that is no authority', 'tls.crt', /holds no certificate of an authority/],
])('%s: the error names it', async (_what, name, expected) => {
  const source = withClientAuthority(
    certificateDirectory(directory),
    join(directory, name).replace(/^.*\/nonexistent/, '/nonexistent'),
  )
  await expect(source.current()).rejects.toThrow(expected)
})
