// The replicas of hotreload, and what a fault does to one.
import type { V1Pod } from '@kubernetes/client-node'
import { onNode } from '../cluster/processes.ts'
import { run } from '../cluster/run.ts'
import { network } from '../cluster/sandbox.ts'
import { installReady, SYSTEM, system } from '../support/install.ts'
import { cluster, kubectl } from '../support/kubectl.ts'
import { until } from '../support/until.ts'

export const WEBHOOK = 'hotreload'
export const CONTROLLER = 'hotreload-controller'

/** The Pods of a Deployment that are not leaving. */
export async function replicas(deployment: string): Promise<V1Pod[]> {
  const selector = `--selector=app.kubernetes.io/name=${deployment}`
  const { items }: { items: V1Pod[] } = JSON.parse(
    await kubectl(['get', 'pods', selector, '--output=json', ...system]),
  )
  return items.filter(({ metadata }) => metadata?.deletionTimestamp === undefined)
}

export async function oneReplica(deployment: string): Promise<V1Pod> {
  const [pod] = await replicas(deployment)
  if (pod === undefined) throw new Error(`${deployment} has no replica`)
  return pod
}

/** The replica of the controller that leads. */
export function leader(): Promise<V1Pod> {
  return until('a replica leads', async () => {
    const holder = '--output=jsonpath={.spec.holderIdentity}'
    const identity = await kubectl(['get', 'lease', CONTROLLER, holder, ...system])
    return (await replicas(CONTROLLER)).find(({ metadata }) => identity.startsWith(metadata?.name ?? '-'))
  })
}

/** Kills the process of a replica. @returns when the kubelet has started it again */
export async function restart(pod: V1Pod): Promise<void> {
  const name = pod.metadata?.name ?? ''
  await kill(pod)
  await until(`${name} runs again`, async () => {
    const id = await kubectl(['get', 'pod', name, `--output=jsonpath=${CONTAINER_ID}`, ...system])
    return id !== '' && id !== containerId(pod)
  })
}

/** A signal to the process of a Pod's container. */
export async function kill(pod: V1Pod, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  const { ctr = [] } = cluster()
  const id = containerId(pod).replace('containerd://', '')
  await run([...ctr, 'tasks', 'kill', '--signal', signal, id])
}

const CONTAINER_ID = '{.status.containerStatuses[0].containerID}'
const containerId = ({ status }: V1Pod): string => status?.containerStatuses?.[0]?.containerID ?? ''

/** Evicts each, as `kubectl drain` does: where the PodDisruptionBudget forbids it, again and again. */
export async function drain(deployment: string): Promise<void> {
  for (const { metadata } of await replicas(deployment)) {
    const path = `/api/v1/namespaces/${SYSTEM}/pods/${metadata?.name}/eviction`
    const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: metadata?.name } }
    await until(`${metadata?.name} is evicted`, async () => {
      await kubectl(['create', '--raw', path, '-f', '-'], JSON.stringify(body))
      return true
    })
  }
  await installReady()
}

/** Drops every packet between a Pod and the API server; the kubelet still reaches the Pod. @returns what ends it */
export async function partition({ status }: V1Pod): Promise<() => Promise<void>> {
  const pod = status?.podIP ?? ''
  const rules = [
    ['--source', pod, '--destination', network.host],
    ['--source', network.host, '--destination', pod],
  ]
  const change = async (how: string): Promise<void> => {
    for (const rule of rules)
      await run(onNode(cluster(), ['iptables', how, 'FORWARD', ...rule, '--jump', 'DROP']))
  }
  await change('--insert')
  return () => change('--delete')
}
