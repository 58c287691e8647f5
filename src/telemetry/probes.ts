/** The plain HTTP port: /metrics for Prometheus, /healthz and /readyz for the kubelet. All of it is read-only. */
import { createServer, type Server } from 'node:http'
import type { Registry } from 'prom-client'

export interface ProbeOptions {
  registry: Registry
  /** Undefined: ready. Otherwise the reason, as `kubectl describe pod` shows it. */
  notReady: () => string | undefined
  /** Undefined: alive. Otherwise the reason; the kubelet then restarts the container. */
  notAlive?: () => string | undefined
}

/** The server does not listen yet. */
export function createProbeServer({ registry, notReady, notAlive }: ProbeOptions): Server {
  const server = createServer((request, response) => {
    const reply = (status: number, body: string, type = 'text/plain; charset=utf-8') => {
      response.writeHead(status, { 'content-type': type }).end(request.method === 'HEAD' ? undefined : body)
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') return reply(405, 'only GET\n')
    switch (request.url) {
      case '/healthz': {
        const reason = notAlive?.()
        return reason === undefined ? reply(200, 'ok\n') : reply(500, `${reason}\n`)
      }
      case '/readyz': {
        const reason = notReady()
        return reason === undefined ? reply(200, 'ok\n') : reply(503, `${reason}\n`)
      }
      case '/metrics':
        return void registry.metrics().then(
          (text) => reply(200, text, registry.contentType),
          () => reply(500, 'metrics could not be collected\n'),
        )
      default:
        return reply(404, 'use /metrics, /healthz or /readyz\n')
    }
  })
  server.headersTimeout = 10_000
  server.requestTimeout = 10_000
  return server
}
