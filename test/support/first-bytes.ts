// The least of a client of a protocol of its own.
import { connect } from 'node:net'

/** The first bytes that a server sends, after the client sent its own. */
export const firstBytes = (port: number, ip: string, request: Uint8Array): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, ip, () => socket.write(request))
    socket.setTimeout(2000, () => socket.destroy(new Error('no answer')))
    socket.once('error', reject)
    socket.once('data', (data) => {
      socket.destroy()
      resolve(Buffer.from(data))
    })
  })
