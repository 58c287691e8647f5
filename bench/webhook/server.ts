// One server of the comparison: `node server.ts VARIANT DIRECTORY`. It sends its port over IPC, and its CPU time on request. The bare servers
// parse the same body and answer with a constant patch.
import { readFileSync } from 'node:fs'
import { createServer as createHttps, type Server } from 'node:https'
import { join } from 'node:path'
import { fastify } from 'fastify'
import type { Handler } from '../../src/admission/handler.ts'
import { podHandler } from '../../src/admission/pod-handler.ts'
import { createServer } from '../../src/admission/server.ts'
import { workloadHandler } from '../../src/admission/workload-handler.ts'
import type { ConfigReader } from '../../src/api/config-reader.ts'
import { reportReview } from '../../src/cli/serve/report/review-report.ts'
import { builtInDefaults } from '../../src/policy/defaults.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { AGENT_IMAGE, VERSION } from '../../src/version.ts'
import type { InstallKey } from '../../src/workload/checksum.ts'

/** `server alone`: the webhook's server with a handler that answers with the constant patch too. */
type Variant = 'hotreload' | 'server alone' | 'fastify' | 'node:https'

interface Review {
  request: { uid: string }
}

const [, , variant, directory = ''] = process.argv
const tls = { cert: readFileSync(join(directory, 'tls.crt')), key: readFileSync(join(directory, 'tls.key')) }

/** As long as the webhook's patch for this Pod, so that writing and encrypting it costs the same. */
const constantPatch = readFileSync(join(directory, 'patch.base64'), 'utf8')

const constantReview = ({ request: { uid } }: Review) => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  response: { uid, allowed: true, patchType: 'JSONPatch', patch: constantPatch },
})

const content = {
  data: { 'default.conf': 'server {}' },
  binaryData: { secret: 'bm9uZQ==' },
  immutable: false,
}
const reader: ConfigReader = { configMap: async () => content, secret: async () => content }
const installKey: InstallKey = { id: '0badcafe', key: new Uint8Array(32) }

/** As `serve` builds it: metrics, and a log line for each review. */
async function ours(pods: Handler, workloads: Handler = pods): Promise<Server> {
  const log = createLog('info')
  const metrics = createMetrics()
  const app = createServer({
    handlers: { pods, workloads, unlabelled: pods },
    onAnswered: (answered) => reportReview(answered, log, metrics),
    onRefused: (code) => metrics.refused(code),
  })
  app.server.setSecureContext(tls)
  await app.listen({ port: 0, host: '127.0.0.1' })
  return app.server
}

const makers: Record<Variant, () => Promise<Server>> = {
  hotreload: () =>
    ours(
      podHandler({ agentImage: AGENT_IMAGE, version: VERSION, defaults: () => builtInDefaults }),
      workloadHandler({ defaults: () => builtInDefaults, reader, installKey: () => installKey }),
    ),
  'server alone': () =>
    ours(() => ({ allowed: true, patch: constantPatch, warnings: [], outcome: 'injected' })),
  async fastify() {
    const app = fastify({ https: tls, logger: false, bodyLimit: 16 * 1024 * 1024 })
    app.post<{ Body: Review }>('/mutate/pods', async ({ body }) => constantReview(body))
    await app.listen({ port: 0, host: '127.0.0.1' })
    return app.server
  },
  async 'node:https'() {
    const server = createHttps(tls, (request, response) => {
      const parts: Buffer[] = []
      request.on('data', (part: Buffer) => parts.push(part))
      request.on('end', () => {
        const body = JSON.stringify(constantReview(JSON.parse(Buffer.concat(parts).toString())))
        response.writeHead(200, {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
        })
        response.end(body)
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return server
  },
}

const make = Object.entries(makers).find(([name]) => name === variant)?.[1]
if (make === undefined) throw new Error(`usage: server.ts ${Object.keys(makers).join('|')} DIRECTORY`)
const address = (await make()).address()
process.send?.({ port: address !== null && typeof address === 'object' ? address.port : 0 })
process.on('message', () => process.send?.({ cpuMicroseconds: cpu(), rssBytes: process.memoryUsage.rss() }))

function cpu(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}
