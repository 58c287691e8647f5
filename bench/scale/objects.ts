/** The workloads of the benchmark and their Pods. There is no kubelet, so this writes each Pod's status. */
import type { V1Pod } from '@kubernetes/client-node'
import type { KubeClient } from '../../src/kube/client.ts'
import { create, each } from '../support/controller-process.ts'
import { type Nodes, nodeName } from './agents.ts'

export const NAMESPACE = 'bench'
/** Without the label, so that no webhook is called for it. */
export const PLAIN = 'plain'
const IMAGE = 'localhost/none:1'
/** Milliseconds: an API server that can't keep up makes the last of a thousand Pods wait long. */
const TIMEOUT = 300_000

const core = (namespace: string): string => `/api/v1/namespaces/${namespace}`
export const CORE: string = core(NAMESPACE)

const optedIn = { 'hotreload.dev/inject': 'true', 'hotreload.dev/signal': 'SIGHUP' }

export const createConfigMap = (admin: KubeClient, name: string, config: string): Promise<void> =>
  create(admin, `${CORE}/configmaps`, { metadata: { name }, data: { config } })

/** Of 2 KB. */
export const createSecret = (admin: KubeClient, name: string): Promise<void> =>
  create(admin, `${CORE}/secrets`, { metadata: { name }, stringData: { key: 'x'.repeat(2_000) } })

const podSpec = (name: string) => ({
  automountServiceAccountToken: false,
  containers: [
    {
      name: 'app',
      image: IMAGE,
      volumeMounts: [
        { name: 'config', mountPath: '/etc/app' },
        { name: 'key', mountPath: '/etc/key' },
      ],
    },
  ],
  volumes: [
    { name: 'config', configMap: { name } },
    { name: 'key', secret: { secretName: name } },
  ],
})

/** A Deployment as the webhook leaves it, with a ConfigMap and a Secret of its own. Its Pods are its own by their label. */
export async function createWorkload(admin: KubeClient, name: string): Promise<void> {
  await createConfigMap(admin, name, '0')
  await createSecret(admin, name)
  const matchLabels = { app: name }
  await create(admin, `/apis/apps/v1/namespaces/${NAMESPACE}/deployments`, {
    metadata: { name, annotations: optedIn },
    spec: {
      replicas: 0,
      selector: { matchLabels },
      template: { metadata: { labels: matchLabels, annotations: optedIn }, spec: podSpec(name) },
    },
  })
}

export interface NewPod {
  name: string
  workload: string
  /** Number of its node. */
  node: number
}

/** Creates a Pod, bound already. @returns whether it was injected */
export async function createPod(
  admin: KubeClient,
  { name, workload, node }: NewPod,
  namespace = NAMESPACE,
): Promise<boolean> {
  const metadata = { name, labels: { app: workload }, annotations: optedIn }
  const body = { metadata, spec: { ...podSpec(workload), nodeName: nodeName(node) } }
  const path = `${core(namespace)}/pods`
  const answer = await admin.call({ method: 'POST', path, body, timeoutMilliseconds: TIMEOUT })
  if (answer.status !== 201) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
  return (answer.body as V1Pod).metadata?.annotations?.['hotreload.dev/status'] !== undefined
}

/** Writes their status as kubelets do once all containers run. */
export function makeReady(admin: KubeClient, pods: readonly NewPod[], nodes: Nodes): Promise<void> {
  return each(pods.length, async (index) => {
    const name = pods[index]?.name ?? ''
    const podIP = nodes.addressOf(name)
    const running = { running: { startedAt: new Date().toISOString() } }
    const container = { name: 'app', image: IMAGE, imageID: '', restartCount: 0, ready: true, state: running }
    const conditions = [{ type: 'Ready', status: 'True' }]
    const status = {
      phase: 'Running',
      podIP,
      podIPs: [{ ip: podIP }],
      conditions,
      containerStatuses: [container],
    }
    const path = `${CORE}/pods/${name}/status`
    const contentType = 'application/strategic-merge-patch+json'
    const call = {
      method: 'PATCH',
      path,
      body: { status },
      contentType,
      timeoutMilliseconds: TIMEOUT,
    } as const
    const answer = await admin.call(call)
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
  })
}
