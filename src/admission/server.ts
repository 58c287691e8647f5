/**
 * The webhook's HTTPS server: limits, the three webhooks, and the responses to errors. It reports each answer to a callback, so it knows
 * neither logger nor metrics. It neither listens nor has a certificate of its own, so a test needs no port.
 */
import type { Server as HttpsServer } from 'node:https'
import { type FastifyError, type FastifyInstance, type FastifyReply, fastify } from 'fastify'
import { UserError } from '../errors.ts'
import type { AdmissionRequest, Answer, Mutate } from './answer.ts'
import { createGate, defaultOverloadLimits, type OverloadLimits, watchEventLoop } from './load-shedding.ts'
import { readReview, writeReview } from './review.ts'

/** The largest AdmissionReview: two objects of the API server's 3 MB limit, escaped, with room. */
const BODY_LIMIT_BYTES = 16 * 1024 * 1024

/** For a handshake, the headers, and a whole request: the API server sends a review at once. */
const REQUEST_TIMEOUT_MILLISECONDS = 10_000

/** Longer than the API server keeps an idle connection (90 s): the side that sends must be the one that closes. */
const KEEP_ALIVE_TIMEOUT_MILLISECONDS = 120_000

export const webhookNames = ['pods', 'workloads', 'unlabelled'] as const
export type WebhookName = (typeof webhookNames)[number]

/** One answered review, for a log line and metrics. */
export interface Answered {
  webhook: WebhookName
  request: AdmissionRequest
  answer: Answer
  seconds: number
  /** What the handler threw; the answer was then "allowed, no patch". */
  error?: unknown
}

export interface ServerOptions {
  handlers: Record<WebhookName, Mutate>
  /** Called after each answered review. */
  onAnswered: (answered: Answered) => void
  /** Called after each request that was no review, or was refused under overload. */
  onRefused: (code: string, statusCode: number, message: string) => void
  /** True from SIGTERM on: answers then carry `Connection: close`. */
  draining?: () => boolean
  limits?: OverloadLimits
  /** How late the event loop is, in milliseconds. */
  lag?: () => number
}

export type AdmissionServer = FastifyInstance<HttpsServer>

/** Creates a server that does not listen yet. `server.server.setSecureContext` sets its first certificate, and each later one. */
export function createServer(options: ServerOptions): AdmissionServer {
  const app = fastify({
    https: {
      handshakeTimeout: REQUEST_TIMEOUT_MILLISECONDS,
      headersTimeout: REQUEST_TIMEOUT_MILLISECONDS,
      // How often Node checks for connections over their time. Its default of 30 s would turn our 10 s into 40.
      connectionsCheckingInterval: 2_000,
      minVersion: 'TLSv1.2',
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
  })

  acceptOnlyJson(app)
  refuseWhenFull(app, options)
  for (const webhook of webhookNames) addHandler(app, webhook, options)

  app.setNotFoundHandler((request, reply) => {
    const entries = webhookNames.map((name) => `/mutate/${name}`).join(', ')
    const problem = `${request.method} ${request.url.slice(0, 100)} is not an entry of this webhook`
    return refuse(reply, 404, new UserError('HR_NOT_FOUND', problem, `use POST ${entries}`), options)
  })
  app.setErrorHandler((error: FastifyError | UserError, _request, reply) => {
    const [status, userError] = statusAndError(error)
    return refuse(reply, status, userError, options)
  })
  return app
}

/** Plain JSON.parse: `__proto__` is a legal key in a Pod's annotations, and becomes a harmless own property. */
function acceptOnlyJson(app: AdmissionServer): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (_request, body, done) => {
    try {
      done(null, JSON.parse(body))
    } catch {
      // The parser's own message quotes the body, which may be a Secret's.
      const problem = `body: ${body.length === 0 ? 'empty' : `its ${body.length} characters are not JSON`}`
      done(new UserError('HR_BAD_JSON', problem, 'send an AdmissionReview of admission.k8s.io/v1'))
    }
  })
}

function refuseWhenFull(app: AdmissionServer, options: ServerOptions): void {
  const gate = createGate(options.limits ?? defaultOverloadLimits, options.lag ?? watchEventLoop())
  app.addHook('onRequest', (request, reply, done) => {
    if (options.draining?.() === true) reply.header('connection', 'close')
    // Without a length (chunked, which no API server sends) the body may have any size up to the limit.
    const bytes = Number(request.headers['content-length'] ?? BODY_LIMIT_BYTES)
    if (!gate.enter(bytes)) {
      reply.header('retry-after', '1')
      refuse(
        reply,
        503,
        new UserError('HR_OVERLOADED', 'too many reviews at once', 'try again in a second'),
        options,
      )
      return
    }
    // Not onResponse: it does not run for a client that disconnects while it sends.
    reply.raw.once('close', () => gate.leave(bytes))
    done()
  })
}

function addHandler(
  app: AdmissionServer,
  webhook: WebhookName,
  { handlers, onAnswered }: ServerOptions,
): void {
  const mutate = handlers[webhook]
  app.post(`/mutate/${webhook}`, async ({ body }, reply) => {
    const start = performance.now()
    const request = readReview(body)
    let answer: Answer
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
    return reply.header('content-type', 'application/json').send(text)
  })
}

/** The whole response to a client error, for which fastify has no reply object. */
const badHttp = [
  'HTTP/1.1 400 Bad Request',
  'Connection: close',
  'Content-Type: application/json',
  '',
  '{"code":"HR_BAD_HTTP","message":"request: not HTTP/1.1, or slower than 10 s; send it again [HR_BAD_HTTP]"}',
].join('\r\n')

/** A bug of ours must not prevent the user's Pod. */
function failure({ uid }: AdmissionRequest): Answer {
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
  { onRefused }: ServerOptions,
): FastifyReply {
  onRefused(error.code, status, error.message)
  return reply
    .code(status)
    .type('application/json')
    .send(JSON.stringify({ code: error.code, message: error.message }))
}

/** The status and the error for a request that did not reach a handler. */
function statusAndError(error: FastifyError | UserError): [number, UserError] {
  if (error instanceof UserError) return [400, error]
  const remedy = 'send an AdmissionReview of admission.k8s.io/v1'
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return [
        413,
        new UserError('HR_BODY_TOO_LARGE', `body: over ${BODY_LIMIT_BYTES} bytes`, 'send a smaller object'),
      ]
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return [415, new UserError('HR_BAD_CONTENT_TYPE', 'Content-Type: not application/json', remedy)]
    default:
      return [
        error.statusCode ?? 400,
        new UserError('HR_BAD_HTTP', `request: ${error.code ?? error.name}`, remedy),
      ]
  }
}
