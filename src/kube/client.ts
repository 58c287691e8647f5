/**
 * The few calls hotreload makes to the API server, over node:https with connections kept. client-node's own request path is not used: it
 * opens a new connection for each call (a new undici Agent each time its authentication is applied) and carries every type of the API.
 */
import { type Agent as AnyAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https'
import { createSecureContext } from 'node:tls'
import type { Api, ApiCall, ApiResponse } from '../api/api.ts'
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

/** Connections. Streams are not among them: there may be one for each namespace, and a call that waited for one to end would wait for ever. */
const CALLS_AT_ONCE = 16

/** Characters: an object has at most 1.5 MiB in etcd (its request limit), and base64 and managedFields are within that. */
const RESPONSE_LIMIT = 8 * 1024 * 1024

/** More than we read at once. */
export class AnswerTooLarge extends Error {
  constructor() {
    super('response over 8 MiB')
    this.name = 'AnswerTooLarge'
  }
}

export function createClient(connection: Connection): KubeClient {
  const agentsOf = keptAgents()
  return {
    namespace: connection.namespace,
    async call(call) {
      const credentials = await connection.credentials()
      const signal = AbortSignal.timeout(call.timeoutMilliseconds ?? DEFAULT_TIMEOUT_MILLISECONDS)
      const { calls, urgent } = agentsOf(credentials)
      const agent = credentials.proxy ?? (call.urgent ? urgent : calls)
      return readAll(await send(call, credentials, agent, signal))
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
  /** Apart, since a lease that waits behind a hundred slow lists is lost, and a review's read comes too late. */
  urgent: Agent
  streams: Agent
}

/** The same ones as long as CA and client certificate stay the same: a token is a header, so its renewal keeps the connections. */
function keptAgents(): (credentials: Credentials) => Agents {
  let agents: Agents | undefined
  let madeFrom: Credentials['tls'] = {}
  return ({ tls }) => {
    const same = String(tls.ca) === String(madeFrom.ca) && String(tls.cert) === String(madeFrom.cert)
    if (agents !== undefined && same) return agents
    for (const agent of Object.values(agents ?? {})) agent.destroy()
    madeFrom = tls
    const { ca, cert, key, ...rest } = tls
    // Else each connection has one of its own, which takes memory and time.
    const secureContext = createSecureContext({ ca, cert, key })
    const kept = (maxSockets: number) =>
      new Agent({ ...rest, secureContext, keepAlive: true, maxSockets, timeout: 60_000 })
    agents = {
      calls: kept(CALLS_AT_ONCE),
      urgent: kept(CALLS_AT_ONCE),
      streams: kept(Number.POSITIVE_INFINITY),
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

async function readAll(response: IncomingMessage): Promise<ApiResponse> {
  // Text from the start: bytes put together would stay in a pool of node's that others share, a Secret's among them.
  response.setEncoding('utf8')
  let text = ''
  for await (const part of response) {
    text += part
    if (text.length > RESPONSE_LIMIT) throw new AnswerTooLarge()
  }
  return { status: response.statusCode ?? 0, body: parsed(text) }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
