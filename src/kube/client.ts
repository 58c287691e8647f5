/**
 * Calls to the API server over node:https with keep-alive connections. client-node's request path opens a new connection for each call (a new
 * undici Agent each time it applies its authentication) and loads every type of the API.
 */
import { type Agent as AnyAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https'
import { createSecureContext } from 'node:tls'
import { type Api, type ApiCall, type ApiResponse, ResponseTooLarge } from '../api/api.ts'
import { parseJson } from '../workload/json-object.ts'
import type { Connection, Credentials } from './connection.ts'

/** The client of the whole process; most callers need only its Api. */
export interface KubeClient extends Api {
  /** A response without an end, such as a watch's: its parts as they arrive, whatever the status. Ends with `signal`. */
  stream(call: Omit<ApiCall, 'timeoutMilliseconds' | 'urgent'>, signal: AbortSignal): Promise<ApiStream>
}

export interface ApiStream {
  status: number
  parts: AsyncIterable<Buffer>
}

const DEFAULT_TIMEOUT_MILLISECONDS = 10_000

/** Connections. Streams have their own: there may be one for each namespace, and a call that waited for one to end would wait for ever. */
const CALLS_AT_ONCE = 16

/** Characters. An object takes at most 1.5 MiB in etcd (its request limit), including base64 and managedFields. */
const RESPONSE_LIMIT = 8 * 1024 * 1024

export function createClient(connection: Connection): KubeClient {
  const agentsOf = agentCache()
  return {
    namespace: connection.namespace,
    async call(call) {
      const credentials = await connection.credentials()
      const signal = AbortSignal.timeout(call.timeoutMilliseconds ?? DEFAULT_TIMEOUT_MILLISECONDS)
      const { calls, urgent } = agentsOf(credentials)
      const agent = credentials.proxy ?? (call.urgent ? urgent : calls)
      return readAll(await send(call, credentials, agent, signal), call.responseLimit ?? RESPONSE_LIMIT)
    },
    async stream(call, signal) {
      const credentials = await connection.credentials()
      const response = await send(
        call,
        credentials,
        credentials.proxy ?? agentsOf(credentials).streams,
        signal,
      )
      return { status: response.statusCode ?? 0, parts: response }
    },
  }
}

interface Agents {
  calls: Agent
  /** Separate, because a lease that waits behind a hundred slow lists expires, and a review's read misses its budget. */
  urgent: Agent
  streams: Agent
}

/** Reuses the agents while CA and client certificate stay the same. A token is a header, so its renewal keeps the connections. */
function agentCache(): (credentials: Credentials) => Agents {
  let agents: Agents | undefined
  let createdFrom: Credentials['tls'] = {}
  return ({ tls }) => {
    const isSame = String(tls.ca) === String(createdFrom.ca) && String(tls.cert) === String(createdFrom.cert)
    if (agents !== undefined && isSame) return agents
    for (const agent of Object.values(agents ?? {})) agent.destroy()
    createdFrom = tls
    const { ca, cert, key, ...rest } = tls
    // Shared: a context of its own for each connection would cost memory and time.
    const secureContext = createSecureContext({ ca, cert, key })
    const keepAlive = (maxSockets: number) =>
      new Agent({ ...rest, secureContext, keepAlive: true, maxSockets, timeout: 60_000 })
    agents = {
      calls: keepAlive(CALLS_AT_ONCE),
      urgent: keepAlive(CALLS_AT_ONCE),
      streams: keepAlive(Number.POSITIVE_INFINITY),
    }
    return agents
  }
}

function send(
  call: ApiCall,
  { server, headers }: Credentials,
  agent: AnyAgent,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const body = call.body === undefined ? undefined : JSON.stringify(call.body)
  const plain = server.protocol === 'http:'
  const options: RequestOptions = {
    method: call.method,
    host: server.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: server.port === '' ? (plain ? 80 : 443) : server.port,
    path: server.pathname.replace(/\/$/, '') + call.path,
    headers: {
      accept: call.accept ?? 'application/json',
      'user-agent': 'hotreload',
      ...headers,
      ...(body === undefined
        ? {}
        : {
            'content-type': call.contentType ?? 'application/json',
            'content-length': Buffer.byteLength(body),
          }),
    },
    signal,
    ...(plain ? {} : { agent }),
  }
  return new Promise((resolve, reject) => {
    const outgoing = (plain ? httpRequest : httpsRequest)(options, resolve)
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

async function readAll(response: IncomingMessage, limit: number): Promise<ApiResponse> {
  // Decode from the start: concatenated bytes, a Secret's among them, would stay in a pool that node shares between buffers.
  response.setEncoding('utf8')
  let text = ''
  for await (const part of response) {
    text += part
    if (text.length > limit) throw new ResponseTooLarge(limit)
  }
  const answer = { status: response.statusCode ?? 0, body: parseJson(text) }
  // A date, which the header may hold too, is no number; the API server sends seconds.
  const retryAfterSeconds = Number(response.headers['retry-after'])
  return retryAfterSeconds > 0 ? { ...answer, retryAfterSeconds } : answer
}
