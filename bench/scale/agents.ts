/** What the nodes of the benchmark do: kubelets that renew their Leases, and an agent in each Pod that loads a change once its Pod is nudged. */
import { createServer } from 'node:http'
import { FIRST_PORT } from '../../src/inject/agent-flags.ts'
import type { KubeClient } from '../../src/kube/client.ts'
import { watchCollection } from '../../src/kube/informer.ts'
import { create, each } from '../support/controller-process.ts'

export interface Nodes {
  /** Name of a Pod -> when it was nudged last, in milliseconds since 1970. */
  nudgedAt: ReadonlyMap<string, number>
  /** An address of the loopback network, at which this Pod's agent answers. */
  addressOf(pod: string): string
  stop(): void
}

const LEASES = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases'
/** Milliseconds. A node whose Lease is 40 s old counts as lost, and its Pods as not ready. */
const RENEW_EVERY = 15_000

const now = (): string => new Date().toISOString().replace('Z', '000Z')

export const nodeName = (index: number): string => `node-${index}`

/** Registers nodes as their kubelets do. @param pods path of the collection in which Pods are nudged */
export async function startNodes(admin: KubeClient, count: number, pods: string): Promise<Nodes> {
  const condition = { type: 'Ready', status: 'True', reason: 'KubeletReady', lastHeartbeatTime: now() }
  await each(count, async (index) => {
    const metadata = { name: nodeName(index) }
    await create(admin, '/api/v1/nodes', { metadata, status: { conditions: [condition] } })
    const spec = { holderIdentity: nodeName(index), leaseDurationSeconds: 40, renewTime: now() }
    await create(admin, LEASES, { metadata, spec })
  })
  const contentType = 'application/merge-patch+json'
  const renew = (index: number) => {
    const [path, body] = [`${LEASES}/${nodeName(index)}`, { spec: { renewTime: now() } }]
    return admin.call({ method: 'PATCH', path, body, contentType }).then(
      () => undefined,
      () => undefined,
    )
  }
  const renewing = setInterval(() => void each(count, renew), RENEW_EVERY)
  const nudgedAt = new Map<string, number>()
  const podAt = new Map<string, string>()
  const agents = createServer((request, response) => {
    const at = nudgedAt.get(podAt.get(request.socket.localAddress ?? '') ?? '') ?? 0
    const volumes = ['config', 'key'].map((name) => ({ name, loadedAt: new Date(at).toISOString() }))
    response.end(JSON.stringify({ container: 'app', state: 'loaded', error: null, volumes }))
  }).listen(FIRST_PORT, '0.0.0.0')
  const watch = watchCollection(
    admin,
    { path: pods, metadataOnly: true },
    {
      changed({ metadata }) {
        const nudge = metadata?.annotations?.['hotreload.dev/nudge']
        if (nudge !== undefined) nudgedAt.set(metadata?.name ?? '', Date.now())
      },
      removed() {},
      listed() {},
      refused() {},
    },
  )
  return {
    nudgedAt,
    addressOf(pod) {
      const number = podAt.size + 1
      const address = `127.9.${number >> 8}.${number & 255}`
      podAt.set(address, pod)
      return address
    },
    stop() {
      clearInterval(renewing)
      watch.stop()
      agents.close()
      agents.closeAllConnections()
    },
  }
}
