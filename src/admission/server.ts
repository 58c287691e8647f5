/**
 * The webhook's HTTPS server: limits, the three webhooks, and the responses to errors. It reports each answer to a callback, so it knows
 * neither logger nor metrics. It neither listens nor has a certificate of its own, so a test needs no port.
 */
import type { Server as HttpsServer } from 'node:https'
import { type FastifyError, type FastifyInstance, type FastifyReply, fastify } from 'fastify'
import { UserError } from '../errors.ts'
import { announcedError, BODY_LIMIT_BYTES, parseBody, receiveBody } from './bounds/body.ts'
import { boundConnections, type Connections } from './bounds/connections.ts'
import {
  createGate,
  defaultOverloadLimits,
  type Gate,
  type OverloadLimits,
  type Place,
  watchEventLoop,
} from './bounds/load-shedding.ts'
import { badHttp, bodyTimeout, overloaded, statusAndError } from './bounds/refusals.ts'
import { type SlowClients, watchSlowClients } from './bounds/slow-clients.ts'
import type { AdmissionRequest, AdmissionResponse, Handler } from './handler.ts'
import { readReview, writeReview } from './review.ts'

/** For a handshake, and for the headers. A body has less time (bounds/slow-clients.ts). */
const REQUEST_TIMEOUT_MILLISECONDS = 10_000

/** Longer than the API server keeps an idle connection (90 s): the side that sends must be the one that closes. */
const KEEP_ALIVE_TIMEOUT_MILLISECONDS = 120_000

/**
 * An API server keeps 25 idle connections and opens more for reviews at once, 600 at most by default; there are a few API servers. Each
 * takes some 50 kB, so all of them take an eighth of the container's memory.
 */
const MAX_CONNECTIONS = 1_000

export const webhookNames = ['pods', 'workloads', 'unlabelled'] as const
export type WebhookName = (typeof webhookNames)[number]
const POD_PATH: `/mutate/${WebhookName}` = '/mutate/pods'

/** One answered review, for a log line and metrics. */
export interface Answered {
  webhook: WebhookName
  request: AdmissionRequest
  answer: AdmissionResponse
  seconds: number
  /** What the handler threw; the answer was then "allowed, no patch". */
  error?: unknown
}

export interface ServerOptions {
  handlers: Record<WebhookName, Handler>
  /** Called after each answered review. */
  onAnswered: (answered: Answered) => void
  /** Called after each request that was no review, or was refused under overload. */
  onRefused: (code: string, statusCode: number, message: string) => void
  /** True from SIGTERM on: answers then carry `Connection: close`. */
  draining?: () => boolean
  limits?: OverloadLimits
  /** How late the event loop is, in milliseconds. */
  lag?: () => number
  maxConnections?: number
  /** Whether a client must have a certificate of the authority in the secure context. */
  requiresClientCertificate?: boolean
}

export type AdmissionServer = FastifyInstance<HttpsServer>

declare module 'fastify' {
  interface FastifyRequest {
    /** What the request takes of the limits. */
    place: Place | undefined
  }
}

/** What the parts of the server share. */
interface Context {
  options: ServerOptions
  gate: Gate
  connections: Connections
  slowClients: SlowClients
}

/** Creates a server that does not listen yet. `server.server.setSecureContext` sets its first certificate, and each later one. */
export function createServer(options: ServerOptions): AdmissionServer {
  const needsCertificate = options.requiresClientCertificate === true
  const app: AdmissionServer = fastify({
    https: {
      handshakeTimeout: REQUEST_TIMEOUT_MILLISECONDS,
      headersTimeout: REQUEST_TIMEOUT_MILLISECONDS,
      // How often Node checks for connections over their time. Its default of 30 s would turn our 10 s into 40.
      connectionsCheckingInterval: 2_000,
      minVersion: 'TLSv1.2',
      requestCert: needsCertificate,
      rejectUnauthorized: needsCertificate,
    },
    requestTimeout: REQUEST_TIMEOUT_MILLISECONDS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MILLISECONDS,
    bodyLimit: BODY_LIMIT_BYTES,
    logger: false,
    exposeHeadRoutes: false,
    clientErrorHandler(error, socket) {
      options.onRefused('HR_BAD_HTTP', 400, error.code ?? 'not HTTP')
      // Nobody reads from a socket that is closed already.
      if (socket.writable) socket.end(badHttp)
      else socket.destroy()
    },
    frameworkErrors: (error, _request, reply) => void refuse(reply, ...statusAndError(error), context),
  })
  const eventLoop = watchEventLoop()
  const context: Context = {
    options,
    gate: createGate(options.limits ?? defaultOverloadLimits, options.lag ?? eventLoop.lag),
    connections: boundConnections(app.server, options.maxConnections ?? MAX_CONNECTIONS),
    slowClients: watchSlowClients(),
  }
  app.addHook('onClose', async () => {
    eventLoop.stop()
    context.slowClients.stop()
  })

  acceptOnlyJson(app, context)
  refuseWhenFull(app, context)
  for (const webhook of webhookNames) addHandler(app, webhook, context)

  app.setNotFoundHandler((request, reply) => {
    const entries = webhookNames.map((name) => `/mutate/${name}`).join(', ')
    const problem = `${request.method} ${request.url.slice(0, 100)} is not an entry of this webhook`
    return refuse(reply, 404, new UserError('HR_NOT_FOUND', problem, `use POST ${entries}`), context)
  })
  app.setErrorHandler((error: FastifyError | UserError, _request, reply) =>
    refuse(reply, ...statusAndError(error), context),
  )
  return app
}

function acceptOnlyJson(app: AdmissionServer, { slowClients }: Context): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', ({ raw, url, place }, _payload, done) => {
    const announced = announcedError(raw.headers)
    if (announced || !place) return done(announced ?? overloaded())
    const finish = receiveBody(raw, place, (error, body) => {
      stopWaiting()
      if (error || !body) {
        // At once, so that of two large bodies the other one goes on.
        place.end()
        return done(error)
      }
      let review: unknown
      try {
        if (!place.answer()) throw overloaded()
        review = parseBody(body, url !== POD_PATH, place)
      } catch (thrown) {
        return done(thrown instanceof Error ? thrown : new Error('not parsed'))
      }
      done(null, review)
    })
    const stopWaiting = slowClients.wait(() => finish(bodyTimeout()))
  })
}

function refuseWhenFull(app: AdmissionServer, context: Context): void {
  const { gate, options } = context
  app.decorateRequest('place')
  app.addHook('onRequest', (request, reply, done) => {
    if (options.draining?.() === true) reply.header('connection', 'close')
    if (!gate.isOpen()) {
      refuse(reply, ...statusAndError(overloaded()), context)
      return
    }
    const place = gate.begin()
    request.place = place
    // Not onResponse: it does not run for a client that disconnects while it sends.
    reply.raw.once('close', place.end)
    done()
  })
}

function addHandler(app: AdmissionServer, webhook: WebhookName, context: Context): void {
  const { handlers, onAnswered } = context.options
  const mutate = handlers[webhook]
  app.post(`/mutate/${webhook}`, async ({ body, raw }, reply) => {
    const start = performance.now()
    const request = readReview(body)
    context.connections.accept(raw.socket)
    let answer: AdmissionResponse
    let text: string
    let error: unknown
    try {
      const pending = mutate(request)
      // Most answers are ready, and a needless await costs each Pod a turn of the event loop.
      answer = pending instanceof Promise ? await pending : pending
      text = writeReview(request.uid, answer)
    } catch (thrown) {
      error = thrown
      answer = failure(request)
      text = writeReview(request.uid, answer)
    }
    onAnswered({ webhook, request, answer, seconds: (performance.now() - start) / 1_000, error })
    reply.raw.once(
      'close',
      context.slowClients.wait(() => raw.socket.destroy()),
    )
    return reply.header('content-type', 'application/json').send(text)
  })
}

/** A bug of ours must not prevent the user's Pod. */
function failure({ uid }: AdmissionRequest): AdmissionResponse {
  return {
    allowed: true,
    warnings: [
      `hotreload: internal error, admitted unchanged; search hotreload's log for uid ${uid.slice(0, 48)}`,
    ],
    outcome: 'failed',
    reason: 'internalError',
  }
}

function refuse(
  reply: FastifyReply,
  status: number,
  error: UserError,
  { options: { onRefused }, connections }: Context,
): FastifyReply {
  onRefused(error.code, status, error.message)
  if (status === 503) reply.header('retry-after', '1')
  // Whoever has sent no review yet is hardly an API server, and gets no idle connection.
  if (!connections.isAccepted(reply.request.raw.socket)) reply.header('connection', 'close')
  return reply
    .code(status)
    .type('application/json')
    .send(JSON.stringify({ code: error.code, message: error.message }))
}
