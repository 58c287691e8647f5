/** A small API server that lists in pages and streams watch events. A test can cut or close watches, expire old versions, or refuse. */
import { createServer, type ServerResponse } from 'node:http'
import type { Connection } from '../../src/kube/connection.ts'

export interface Stored {
  metadata: { name: string; namespace: string; resourceVersion?: string; [field: string]: unknown }
  [field: string]: unknown
}

export async function watchableApi() {
  const objects = new Map<string, Stored>()
  const watchers = new Set<ServerResponse>()
  const requests: { url: string; accept: string }[] = []
  let version = 100
  let status = 200
  let closesWatches = false
  let goneBefore = 0
  const send = (line: object) => {
    for (const watcher of watchers) watcher.write(`${JSON.stringify(line)}\n`)
  }
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    requests.push({ url: request.url ?? '', accept: request.headers.accept ?? '' })
    if (status !== 200) {
      response.writeHead(status).end('{}')
      return
    }
    if (url.searchParams.has('watch')) {
      response.writeHead(200)
      response.flushHeaders()
      if (Number(url.searchParams.get('resourceVersion')) < goneBefore) {
        response.end(`${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 410 } })}\n`)
        return
      }
      if (closesWatches) {
        response.end()
        return
      }
      watchers.add(response)
      response.on('close', () => watchers.delete(response))
      return
    }
    const all = [...objects.values()]
    const from = Number(url.searchParams.get('continue') ?? 0)
    const until = from + Number(url.searchParams.get('limit'))
    const metadata = {
      resourceVersion: String(version),
      ...(until < all.length ? { continue: String(until) } : {}),
    }
    response.end(JSON.stringify({ metadata, items: all.slice(from, until) }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  const connection: Connection = {
    namespace: 'hotreload-system',
    credentials: async () => ({ server: new URL(`http://127.0.0.1:${port}`), headers: {}, tls: {} }),
  }
  const stored = (name: string, fields: object): Stored => {
    version += 1
    return { ...fields, metadata: { name, namespace: 'shop', resourceVersion: String(version) } }
  }
  return {
    connection,
    requests,
    watching: () => watchers.size,
    put(name: string, fields: object = {}, notify = true) {
      const type = objects.has(name) ? 'MODIFIED' : 'ADDED'
      objects.set(name, stored(name, fields))
      if (notify) send({ type, object: objects.get(name) })
    },
    annotate(name: string, annotations: Record<string, string>) {
      const object = objects.get(name)
      if (object) object.metadata['annotations'] = annotations
    },
    remove(name: string, notify = true) {
      objects.delete(name)
      if (notify) send({ type: 'DELETED', object: stored(name, {}) })
    },
    bookmark() {
      version += 10
      send({ type: 'BOOKMARK', object: { metadata: { resourceVersion: String(version) } } })
      return version
    },
    /** Forgets all versions before this one: a watch from there is 410 Gone. */
    forgetPast: () => (goneBefore = version),
    answerWith: (code: number) => (status = code),
    /** Ends each watch as soon as it has begun, as some proxies do. */
    closeWatches: () => (closesWatches = true),
    /** Writes half a line and resets each watch. */
    cut() {
      for (const watcher of watchers) {
        watcher.write('{"type":"MODI')
        setImmediate(() => watcher.socket?.resetAndDestroy())
      }
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export type WatchableApi = Awaited<ReturnType<typeof watchableApi>>
