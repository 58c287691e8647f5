// The load, on the other core: `node load.ts`, then a job over IPC. Raw TLS sockets and a request that was rendered once, so that the client
// costs less than any of the servers.
import { connect, type TLSSocket } from 'node:tls'

export interface Job {
  port: number
  ca: string
  body: string
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

async function run({ port, ca, body, concurrency, milliseconds }: Job): Promise<LoadResult> {
  const head = `POST /mutate/pods HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`
  const request = Buffer.from(head + body)
  const latencies: number[] = []
  const sockets = await Promise.all(Array.from({ length: concurrency }, () => open(port, ca)))
  const start = performance.now()
  const end = start + milliseconds
  await Promise.all(
    sockets.map(async (socket) => {
      while (performance.now() < end) {
        const sent = performance.now()
        await exchange(socket, request)
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

/** One request and its whole answer, which must be a patch. */
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
