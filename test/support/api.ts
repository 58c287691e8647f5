/** A small API server with the `objects` of a test by path, resourceVersions, conflicts on create, and the two kinds of patch. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import fastJsonPatch from 'fast-json-patch'
import type { Connection } from '../../src/kube/connection.ts'

export interface FakeObject {
  metadata: { name: string; resourceVersion?: string; labels?: Record<string, string> }
  [field: string]: unknown
}

export interface FakeApi {
  objects: Map<string, FakeObject>
  /** `GET /path`, in order. */
  calls: string[]
  /** Statuses forced for a path. */
  statuses: Map<string, number>
  /** Paths without a response. */
  silent: Set<string>
  connection: Connection
  close(): Promise<void>
}

export async function fakeApi(): Promise<FakeApi> {
  const objects = new Map<string, FakeObject>()
  const calls: string[] = []
  const statuses = new Map<string, number>()
  const silent = new Set<string>()
  let version = 0

  const store = (path: string, object: FakeObject): FakeObject => {
    version += 1
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } }
    objects.set(path, stored)
    return stored
  }
  const answer = async (request: IncomingMessage): Promise<[number, unknown]> => {
    const path = request.url ?? ''
    calls.push(`${request.method} ${path}`)
    const status = statuses.get(path)
    if (status !== undefined) return [status, { kind: 'Status', message: `forced ${status}` }]
    const found = objects.get(path)
    const body = request.method === 'GET' ? undefined : JSON.parse(await text(request))
    switch (request.method) {
      case 'POST': {
        const at = `${path}/${body.metadata.name}`
        return objects.has(at) ? [409, {}] : [201, store(at, body)]
      }
      case 'PATCH': {
        if (found === undefined) return [404, {}]
        if (request.headers['content-type'] === 'application/json-patch+json') {
          const copy = structuredClone(found)
          try {
            return [200, store(path, fastJsonPatch.applyPatch(copy, body, true).newDocument)]
          } catch {
            return [422, { message: 'the server rejected our request due to an error in our request' }]
          }
        }
        const { metadata, ...rest } = body
        const stale =
          metadata?.resourceVersion !== undefined &&
          metadata.resourceVersion !== found.metadata.resourceVersion
        return stale
          ? [409, {}]
          : [200, store(path, { ...found, data: { ...Object(found['data']), ...rest.data } })]
      }
      default:
        return found === undefined ? [404, {}] : [200, found]
    }
  }

  const respond = async (request: IncomingMessage, response: ServerResponse) => {
    if (silent.has(request.url ?? '')) return
    const [status, body] = await answer(request)
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }
  const server = createServer((request, response) => void respond(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const url = new URL(
    `http://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`,
  )
  return {
    objects,
    calls,
    statuses,
    silent,
    connection: {
      namespace: 'hotreload-system',
      credentials: async () => ({ server: url, headers: { authorization: 'Bearer test' }, tls: {} }),
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
