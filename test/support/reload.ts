// What tests of reloading do over and over: edit a ConfigMap, spare the kubelet's minute, ask the agent.
import type { V1Pod } from '@kubernetes/client-node'
import { expect } from 'vitest'
import { type Namespace, until } from './kube.ts'
import { configMap } from './reload-manifests.ts'

export {
  configMap,
  configMapVolume,
  type DeploymentOptions,
  deployment,
  type Workload,
} from './reload-manifests.ts'

/** Milliseconds for a change to be in effect, and for a program to start: a second or two here, on a slow and busy machine a minute. */
export const IN_EFFECT_WITHIN = 180_000

/** Makes the kubelet look at the volumes of these Pods now, as hotreload's controller does; it would take up to a minute else. */
export async function nudge(ns: Namespace, pods: readonly V1Pod[]): Promise<void> {
  const names = pods.map(({ metadata }) => `pod/${metadata?.name}`)
  await ns.kubectl([
    'annotate',
    '--overwrite',
    ...names,
    `hotreload.dev/nudge=${crypto.randomUUID().slice(0, 8)}`,
  ])
}

/** Replaces a ConfigMap's data and makes the kubelet bring it. */
export async function edit(
  ns: Namespace,
  name: string,
  data: Readonly<Record<string, string>>,
  pods: readonly V1Pod[],
): Promise<void> {
  await ns.kubectl(['replace', '-f', '-'], JSON.stringify(configMap(name, data)))
  await nudge(ns, pods)
}

export interface AgentStatus {
  state: string
  counters: Readonly<
    Record<'reloaded' | 'notNeeded' | 'refused' | 'killed' | 'signals' | 'validationsFailed', number>
  >
  [field: string]: unknown
}

/** What an agent says of itself. */
export async function agentStatus(ns: Namespace, pod: V1Pod, port = 9467): Promise<AgentStatus> {
  return JSON.parse((await ns.fetch(pod, '/status', port)).body)
}

/** Waits until an agent that says this of itself has counted the reload, which is after its effect is seen; there was no other. */
export async function expectReloadedOnce(
  ns: Namespace,
  pod: V1Pod,
  of: Readonly<Record<string, unknown>> = {},
  port?: number,
): Promise<AgentStatus> {
  const status = await until('the agent counts a reload', async () => {
    const found = await agentStatus(ns, pod, port)
    return found.counters.reloaded > 0 && found
  })
  expect(status).toMatchObject({ ...of, counters: { reloaded: 1 } })
  return status
}

/** The same Pod, its containers never restarted. */
export async function expectUntouched(ns: Namespace, before: V1Pod): Promise<void> {
  const after = await ns.get<V1Pod>('pod', before.metadata?.name ?? '')
  expect(after.metadata?.uid).toBe(before.metadata?.uid)
  const restarts = [
    ...(after.status?.containerStatuses ?? []),
    ...(after.status?.initContainerStatuses ?? []),
  ].map(({ name, restartCount }) => ({ name, restartCount }))
  expect(restarts.filter(({ restartCount }) => restartCount > 0)).toEqual([])
}

/** Waits until a Pod serves this body. */
export const serves = (ns: Namespace, pod: V1Pod, body: string, port = 8080): Promise<unknown> =>
  until(
    `Pod ${pod.metadata?.name} serves ${JSON.stringify(body)}`,
    async () => (await ns.fetch(pod, '/', port)).body === body,
    IN_EFFECT_WITHIN,
  )
