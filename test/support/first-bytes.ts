// A minimal TCP client for programs with their own protocols.
import { connect } from 'node:net'

/** Sends a request and returns the first bytes of the response. */
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
