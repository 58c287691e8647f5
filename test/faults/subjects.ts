// The workloads whose ConfigMaps are edited without pause. Each has a ConfigMap of its name.
import type { V1Deployment, V1Pod } from '@kubernetes/client-node'
import type { KubeClient } from '../../src/kube/client.ts'
import type { Namespace } from '../support/kube.ts'
import { agentStatus, configMapVolume, deployment, type Workload } from '../support/reload.ts'

export interface Subject {
  name: string
  manifest: Workload
  /** Whether this content has taken effect. */
  shows: (content: string) => Promise<boolean>
  /** How often contents have taken effect, as each of several programs counts it. */
  counts: () => Promise<number[]>
  /** Whether its agent reports that the kubelet removed its volume: only another Pod gets the content. */
  isCutOff?: () => Promise<boolean>
}

/** It serves the content that it read last, and counts how often it read it. */
const reader = (image: string, mount: object = { mountPath: '/etc/reader' }) => ({
  image,
  volumeMounts: [{ name: 'config', ...mount }],
  readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 },
})

export function reloaded(
  ns: Namespace,
  client: KubeClient,
  image: string,
  name: string,
  { mount, annotations }: { mount?: object; annotations?: Readonly<Record<string, string>> } = {},
): Subject {
  const pod = () => onlyPod(ns, client, name)
  return {
    name,
    manifest: deployment({ ...reader(image, mount) }, [configMapVolume('config', name)], {
      name,
      annotations: { 'hotreload.dev/signal': 'SIGHUP', ...annotations },
    }),
    shows: async (content) => (await ns.fetch(await pod(), '/', 8080)).body === content,
    async counts() {
      const found = await pod()
      const { headers } = await ns.fetch(found, '/', 8080)
      const { counters } = await agentStatus(ns, found)
      return [Number(headers.get('x-loads')) - 1, counters.sent]
    },
    async isCutOff() {
      const { error } = await agentStatus(ns, await pod())
      return JSON.stringify(error).includes('HR_VOLUME_REMOVED')
    },
  }
}

/**
 * Each change of its environment is a rollout. Without replicas one ends as soon as the Deployment controller has seen it; with one replica
 * its Pod is replaced, and injected for a volume that never changes.
 */
export function rolledOut(
  ns: Namespace,
  client: KubeClient,
  image: string,
  name: string,
  replicas: 0 | 1,
): Subject {
  // There is no such file, so the program serves an error with the name, and that is the ConfigMap's content.
  const args = ['/etc/reader/$(config)', '8080']
  const container = { ...reader(image), args, envFrom: [{ configMapRef: { name } }] }
  /** The content that was shown last, and the template's checksum then. A rollout for another reason leaves the checksum. */
  let last = { content: '', checksum: '' }
  return {
    name,
    manifest: deployment(container, [configMapVolume('config', 'kube-root-ca.crt')], {
      name,
      replicas,
      annotations: { 'hotreload.dev/signal': 'SIGHUP' },
    }),
    async shows(content) {
      const { spec, metadata, status } = await deploymentOf(ns, client, name)
      const checksum = spec?.template.metadata?.annotations?.['hotreload.dev/checksum'] ?? ''
      if (status?.observedGeneration !== metadata?.generation) return false
      if (content !== last.content && checksum === last.checksum) return false
      last = { content, checksum }
      if (replicas === 0) return true
      return (await ns.fetch(await onlyPod(ns, client, name), '/', 8080)).body.startsWith(
        `/etc/reader/${content}:`,
      )
    },
    counts: () => rollouts(ns, client, name),
  }
}

/** The template's generations and the ReplicaSets' revisions after the first. */
async function rollouts(ns: Namespace, client: KubeClient, name: string): Promise<number[]> {
  const { metadata } = await deploymentOf(ns, client, name)
  const revision = metadata?.annotations?.['deployment.kubernetes.io/revision']
  return [Number(metadata?.generation) - 1, Number(revision) - 1]
}

const deploymentOf = (ns: Namespace, client: KubeClient, name: string): Promise<V1Deployment> =>
  get<V1Deployment>(client, `/apis/apps/v1/namespaces/${ns.name}/deployments/${name}`)

/** @throws while there is another one, which leaves */
export async function onlyPod(ns: Namespace, client: KubeClient, app: string): Promise<V1Pod> {
  const path = `/api/v1/namespaces/${ns.name}/pods?labelSelector=app%3D${app}`
  const { items } = await get<{ items: V1Pod[] }>(client, path)
  const [pod, ...others] = items
  if (pod === undefined || others.length > 0) throw new Error(`${items.length} Pods of ${app}`)
  return pod
}

async function get<T>(client: KubeClient, path: string): Promise<T> {
  const { status, body } = await client.call({ method: 'GET', path })
  if (status !== 200) throw new Error(`GET ${path}: ${status}`)
  return body as T
}
