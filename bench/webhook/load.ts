// The load generator, on the other core: `node load.ts`, then a job over IPC. It sends prerendered requests over raw TLS sockets, so that the
// client uses less CPU time than any of the servers.
import { connect, type TLSSocket } from 'node:tls'

export interface Job {
  port: number
  ca: string
  path: string
  /** A review. Each request gets its own uid and token volume, as for a ReplicaSet's Pods. */
  body: string
  /** Whether each Pod is also the first of its template. */
  ownTemplates: boolean
  concurrency: number
  milliseconds: number
}

export interface LoadResult {
  requests: number
  milliseconds: number
  /** Microseconds. */
  p50: number
  p99: number
}

/** More than the webhook's cache holds, so that with templates of their own no request hits the cache when the requests repeat. */
const REQUESTS = 2_000

function render({ path, body, ownTemplates }: Job, index: number): Buffer {
  const number = String(index).padStart(5, '0')
  const build = `"example.com/build":"${ownTemplates ? number : '00000'}"`
  const text = body
    .replace('"uid":"97d032f8', `"uid":"000${number}`)
    .replaceAll('kube-api-access-jdft2', `kube-api-access-${number}`)
    .replace('"hotreload.dev/inject":"true"', (inject) => `${inject},${build}`)
  const head = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n`
  return Buffer.from(head + text)
}

async function run(job: Job): Promise<LoadResult> {
  const { port, ca, concurrency, milliseconds } = job
  const requests = Array.from({ length: REQUESTS }, (_, index) => render(job, index))
  let next = 0
  const latencies: number[] = []
  const sockets = await Promise.all(Array.from({ length: concurrency }, () => open(port, ca)))
  const start = performance.now()
  const end = start + milliseconds
  await Promise.all(
    sockets.map(async (socket) => {
      while (performance.now() < end) {
        const sent = performance.now()
        await exchange(socket, requests[next++ % REQUESTS] ?? Buffer.alloc(0))
        latencies.push(performance.now() - sent)
      }
    }),
  )
  const took = performance.now() - start
  for (const socket of sockets) socket.destroy()
  const sorted = Float64Array.from(latencies).toSorted()
  const quantile = (share: number) => Math.round((sorted[Math.floor(sorted.length * share)] ?? 0) * 1_000)
  return { requests: latencies.length, milliseconds: took, p50: quantile(0.5), p99: quantile(0.99) }
}

function open(port: number, ca: string): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', ca, servername: 'localhost' }, () => resolve(socket))
    socket.setNoDelay(true).once('error', reject)
  })
}

/** One request and its complete response, which must hold a patch. */
function exchange(socket: TLSSocket, request: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    let received: Buffer = Buffer.alloc(0)
    const take = (part: Buffer) => {
      received = received.length === 0 ? part : Buffer.concat([received, part])
      const headEnd = received.indexOf('\r\n\r\n')
      if (headEnd < 0) return
      const head = received.toString('latin1', 0, headEnd)
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? Number.NaN)
      if (received.length < headEnd + 4 + length) return
      socket.off('data', take)
      if (head.startsWith('HTTP/1.1 200') && received.includes('"patchType"')) resolve()
      else reject(new Error(received.toString()))
    }
    socket.on('data', take)
    socket.write(request)
  })
}

process.on('message', (job: Job) => {
  run(job).then(
    (result) => process.send?.(result),
    (error: unknown) => {
      console.error(error)
      process.exit(1)
    },
  )
})
process.send?.('ready')
