/**
 * Bounds the connections of a server: each takes some 50 kB, and anybody who reaches the port can open one. When one too many arrives, the
 * server drops the oldest that never proved useful, so whoever only holds connections loses them, and an API server's stay.
 */
import type { Server, Socket } from 'node:net'

export interface Connections {
  /** Marks the connection of `socket`: it is dropped only when no unmarked one is left. Each call counts as a use. */
  accept(socket: object): void
  isAccepted(socket: object): boolean
}

/**
 * Starts to watch `server`, of TLS or plain.
 * @param limit connections at a time
 */
export function boundConnections(server: Server, limit: number): Connections {
  // A Set keeps the order of insertion, so the oldest stands first.
  const unproven = new Set<Socket>()
  const accepted = new Set<Socket>()
  /** TCP connections by their peer, because TLS hands out another socket object for each. */
  const peers = new Map<string, Socket>()
  const tcpOf = new WeakMap<object, Socket>()

  server.on('connection', (socket: Socket) => {
    const peer = peerOf(socket)
    unproven.add(socket)
    peers.set(peer, socket)
    socket.once('close', () => {
      unproven.delete(socket)
      accepted.delete(socket)
      if (peers.get(peer) === socket) peers.delete(peer)
    })
    if (unproven.size + accepted.size <= limit) return
    const [oldest] = unproven.size > 1 ? unproven : accepted
    ;(oldest ?? socket).destroy()
  })
  server.on('secureConnection', (socket: Socket) => {
    const tcp = peers.get(peerOf(socket))
    if (tcp) tcpOf.set(socket, tcp)
  })
  return {
    accept(socket) {
      const tcp = tcpOf.get(socket)
      if (!tcp || tcp.destroyed) return
      unproven.delete(tcp)
      // To the end: the longest unused one stands first.
      accepted.delete(tcp)
      accepted.add(tcp)
    },
    isAccepted(socket) {
      const tcp = tcpOf.get(socket)
      return tcp !== undefined && accepted.has(tcp)
    },
  }
}

const peerOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`
