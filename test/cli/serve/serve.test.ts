import { spawn, spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { Agent, request as httpsRequest } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readServeOptions, type ServeFlag } from '../../../src/cli/serve/options.ts'
import { serve } from '../../../src/cli/serve/serve.ts'
import { issueAuthority, issueServing, type KeyPair } from '../../../src/tls/issue.ts'
import { review } from '../../support/server.ts'

let directory: string
let authority: KeyPair
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hotreload-serve-'))
  authority = await issueAuthority(new Date())
  const { cert, key } = await issueServing(authority, ['localhost'], new Date())
  await Promise.all([writeFile(join(directory, 'tls.crt'), cert), writeFile(join(directory, 'tls.key'), key)])
})
afterAll(() => rm(directory, { recursive: true }))

/** An nginx that mounts a ConfigMap and is opted in. */
function webReview() {
  const base = review()
  const volumes = [{ name: 'conf', configMap: { name: 'web' } }]
  const containers = [
    { name: 'web', image: 'nginx:1.27', volumeMounts: [{ name: 'conf', mountPath: '/etc/nginx/conf.d' }] },
  ]
  return {
    ...base,
    request: { ...base.request, object: { ...base.request.object, spec: { volumes, containers } } },
  }
}

interface Running {
  lines: Record<string, unknown>[]
  port: number
  metricsPort: number
  drain: AbortController
  done: Promise<void>
}

async function running(given: Partial<Record<ServeFlag, string>> = {}): Promise<Running> {
  const lines: Record<string, unknown>[] = []
  const drain = new AbortController()
  const options = readServeOptions({
    port: '0',
    metricsPort: '0',
    only: 'webhook',
    tlsDir: directory,
    ...given,
  })
  const done = serve(options, {
    environment: {},
    log: { write: (line) => lines.push(JSON.parse(line)) },
    drain: drain.signal,
    now: new AbortController().signal,
    drainTimes: { settleMilliseconds: 200, idleMilliseconds: 2_000 },
  })
  const serving = await expect
    .poll(() => lines.find(({ msg }) => msg === 'serving'))
    .toBeDefined()
    .then(() => {
      return lines.find(({ msg }) => msg === 'serving') ?? {}
    })
  return { lines, drain, done, port: Number(serving['port']), metricsPort: Number(serving['metricsPort']) }
}

async function post(port: number, body: unknown) {
  const agent = new Agent({ ca: authority.cert, servername: 'localhost' })
  const headers = { 'content-type': 'application/json' }
  const options = { host: '127.0.0.1', port, method: 'POST', path: '/mutate/pods', headers, agent }
  return new Promise<{ status?: number; body: string; connection?: string }>((resolve, reject) => {
    const outgoing = httpsRequest(options, (response) => {
      const { statusCode, headers: received } = response
      text(response).then(
        (received_) =>
          resolve({ status: statusCode ?? 0, body: received_, connection: received.connection ?? '' }),
        reject,
      )
    })
    outgoing.on('error', reject).end(JSON.stringify(body))
  })
}

describe('serve without a cluster', () => {
  test('injects a Pod, counts it, logs it by uid, and drains on SIGTERM', async () => {
    const { lines, port, metricsPort, drain, done } = await running()
    const probe = (path: string) => fetch(`http://127.0.0.1:${metricsPort}${path}`)
    await expect.poll(async () => (await probe('/readyz')).status).toBe(200)

    const { status, body } = await post(port, webReview())
    expect(status).toBe(200)
    const { response } = JSON.parse(body)
    const patch = JSON.parse(Buffer.from(response.patch, 'base64').toString())
    expect(JSON.stringify(patch)).toContain('ghcr.io/hotreload/hotreload-agent')
    expect(lines.find(({ msg }) => msg === 'review answered')).toMatchObject({
      uid: review().request.uid,
      level: 'info',
      kind: 'Pod',
      name: 'web-',
      outcome: 'injected',
    })
    const metrics = await (await probe('/metrics')).text()
    expect(metrics).toContain('hotreload_admission_requests_total{kind="Pod",outcome="injected",reason=""} 1')
    expect(metrics).toMatch(/hotreload_certificate_expiry_timestamp_seconds\{certificate="serving"\} \d+/)

    drain.abort()
    expect((await probe('/readyz')).status).toBe(503)
    expect((await post(port, webReview())).connection).toBe('close')
    await done
    await expect(post(port, webReview())).rejects.toThrow('ECONNREFUSED')
    expect(lines.at(-1)?.['msg']).toBe('stopped')
  })

  test('a Pod that nobody asked for is counted, not logged', async () => {
    const { lines, port, metricsPort, drain, done } = await running()
    const base = webReview()
    const { annotations: _, ...metadata } = base.request.object.metadata
    const plain = { ...base, request: { ...base.request, object: { ...base.request.object, metadata } } }
    expect(JSON.parse((await post(port, plain)).body).response).toEqual({
      uid: review().request.uid,
      allowed: true,
    })
    expect(lines.filter(({ msg }) => msg === 'review answered')).toEqual([])
    const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
    expect(metrics).toContain('requests_total{kind="Pod",outcome="skipped",reason="notRequested"} 1')
    drain.abort()
    await done
  })
})

describe('what can not work is said by name', () => {
  const io = {
    environment: {},
    log: { write: () => undefined },
    drain: new AbortController().signal,
    now: AbortSignal.abort(),
  }

  test('no cluster and no certificate', async () => {
    await expect(serve(readServeOptions({}), io)).rejects.toThrow(
      /--only webhook --tls-dir DIR.*\[HR_NO_CLUSTER\]/,
    )
  })

  test('a port in use', async () => {
    const { port, drain, done } = await running()
    const options = readServeOptions({
      port: String(port),
      metricsPort: '0',
      only: 'webhook',
      tlsDir: directory,
    })
    await expect(serve(options, io)).rejects.toThrow(`--port: ${port} is in use; use another port [HR_PORT]`)
    drain.abort()
    await done
  })

  test('a policy file that is not there', async () => {
    await expect(serve(readServeOptions({ policy: '/nonexistent' }), io)).rejects.toThrow(
      '--policy: /nonexistent',
    )
  })
})

test('the process itself: never loads client-node or selfsigned without a cluster, and ends with 0 on SIGINT', async () => {
  const hook = `import { registerHooks } from 'node:module'
registerHooks({ resolve(specifier, context, next) {
  if (/client-node|selfsigned|undici/.test(specifier)) throw new Error('must not be loaded: ' + specifier)
  return next(specifier, context)
} })`
  const argv = ['--import', `data:text/javascript,${encodeURIComponent(hook)}`, 'src/main.ts', 'serve']
  const flags = ['--only', 'webhook', '--tls-dir', directory, '--port', '0', '--metrics-port', '0']
  const child = spawn(process.execPath, [...argv, ...flags], { env: {}, stdio: ['ignore', 'pipe', 'pipe'] })
  const errors = text(child.stderr)
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (part) => {
    output += part
  })
  await expect.poll(() => output, { timeout: 10_000 }).toContain('certificate in use')
  const { port } = JSON.parse(output.split('\n').find((line) => line.includes('"serving"')) ?? '{}')
  const { status, body } = await post(port, webReview())
  expect(status).toBe(200)
  expect(JSON.parse(body).response.patch).toBeDefined()
  child.kill('SIGINT')
  const code = await new Promise((resolve) => child.once('close', resolve))
  expect(await errors).toBe('')
  expect(code).toBe(0)
}, 20_000)

test('a list of Reloader’s that is given twice is one list', () => {
  const flags = ['--resources-to-ignore', 'pods', '--resources-to-ignore', 'secrets']
  const argv = ['src/main.ts', 'serve', '--only', 'controller', ...flags]
  const { stderr } = spawnSync(process.execPath, argv, { env: {}, encoding: 'utf8' })
  expect(stderr).toContain('--resources-to-ignore: "pods" is not a valid value')
})
