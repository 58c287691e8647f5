/** A webhook server for tests: reviews as the API server sends them, and raw connections that no client library opens. */
import { connect } from 'node:tls'
import type { Handler } from '../../src/admission/handler.ts'
import {
  type AdmissionServer,
  type Answered,
  createServer,
  type ServerOptions,
} from '../../src/admission/server.ts'
import { issueAuthority, issueServing, type KeyPair } from '../../src/tls/issue.ts'

export const unchanged: Handler = () => ({ allowed: true, warnings: [], outcome: 'unchanged' })

/** A small valid review of a Pod's creation; a new one each time. */
export function review() {
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      namespace: 'shop',
      operation: 'CREATE',
      userInfo: { username: 'system:serviceaccount:kube-system:replicaset-controller' },
      object: {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: {
          generateName: 'web-',
          namespace: 'shop',
          annotations: { 'hotreload.dev/inject': 'true' },
        },
        spec: { containers: [{ name: 'web', image: 'nginx:1.27' }] },
      },
      oldObject: null,
      dryRun: false,
    },
  }
}

/** A server with `handler` for its three webhooks, and its reports. */
export function countingServer(
  handler: Handler,
  { keep = true, ...options }: { keep?: boolean } & Partial<ServerOptions> = {},
) {
  const answered: Answered[] = []
  const refused: string[] = []
  const server = createServer({
    handlers: { pods: handler, workloads: handler, unlabelled: handler },
    onAnswered: (one) => keep && answered.push(one),
    onRefused: (code) => keep && refused.push(code),
    lag: () => 0,
    ...options,
  })
  return { server, answered, refused }
}

/** Gives the server a certificate for localhost, valid from an hour ago. */
export async function useTestCertificate(
  server: AdmissionServer,
): Promise<{ authority: KeyPair; serving: KeyPair }> {
  const now = new Date()
  const authority = await issueAuthority(now)
  const serving = await issueServing(authority, ['localhost'], now)
  server.server.setSecureContext(serving)
  return { authority, serving }
}

/** Listens on a free port of the loopback address, and returns the port. */
export async function listen(server: AdmissionServer): Promise<number> {
  await server.listen({ port: 0, host: '127.0.0.1' })
  const address = server.server.address()
  if (address === null || typeof address === 'string') throw new Error('not listening on TCP')
  return address.port
}

/** Sends raw text over TLS and resolves with everything received until the connection ended. */
export function tlsRequest(port: number, text: string, { leaveAfterMilliseconds = 0 } = {}): Promise<string> {
  return new Promise((resolve) => {
    let received = ''
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      socket.write(text)
      if (leaveAfterMilliseconds > 0) setTimeout(() => socket.destroy(), leaveAfterMilliseconds)
    })
    socket.setEncoding('utf8')
    socket.on('data', (part) => {
      received += part
    })
    // A server resets the connection after its answer if it does not read the body.
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(received))
  })
}
