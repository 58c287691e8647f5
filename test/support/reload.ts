// Steps that tests of reloads share: edit a ConfigMap, make the kubelet update it at once, query the agent.
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

/** Milliseconds for a change to take effect, and for a program to start: usually a second or two, on a slow and busy machine a minute. */
export const IN_EFFECT_WITHIN = 180_000

/** Makes the kubelet update the volumes of these Pods now, as hotreload's controller does, instead of within a minute. */
export async function nudge(ns: Namespace, pods: readonly V1Pod[]): Promise<void> {
  const names = pods.map(({ metadata }) => `pod/${metadata?.name}`)
  await ns.kubectl([
    'annotate',
    '--overwrite',
    ...names,
    `hotreload.dev/nudge=${crypto.randomUUID().slice(0, 8)}`,
  ])
}

/** Replaces a ConfigMap's data and makes the kubelet update the volumes. */
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
    Record<
      | 'reloaded'
      | 'sent'
      | 'unconfirmed'
      | 'notNeeded'
      | 'refused'
      | 'killed'
      | 'signals'
      | 'validationsFailed'
      | 'validationsPassed'
      | 'reverts',
      number
    >
  >
  [field: string]: unknown
}

/** Reads an agent's /status. */
export async function agentStatus(ns: Namespace, pod: V1Pod, port = 9467): Promise<AgentStatus> {
  return JSON.parse((await ns.fetch(pod, '/status', port)).body)
}

/** The state after a reload: `loaded` where the program confirms it, by the flags of its agent. */
function stateAfterReload(pod: V1Pod, port: number): string {
  const args = (pod.spec?.initContainers ?? []).map((one) => one.args ?? [])
  const flags = args.find((one) => one.includes(`--port=${port}`)) ?? []
  const isSignal = flags.length === 0 || flags.includes('--reload=signal')
  return isSignal && !flags.some((flag) => flag.startsWith('--confirm=')) ? 'signalled' : 'loaded'
}

/**
 * Waits until the agent has counted the reload, which happens after its effect. Expects exactly one, these fields in its status, and the
 * state `loaded` only if the program has confirmed it.
 */
export async function expectReloadedOnce(
  ns: Namespace,
  pod: V1Pod,
  of: Readonly<Record<string, unknown>> = {},
  port = 9467,
): Promise<AgentStatus> {
  const status = await until('the agent counts a reload', async () => {
    const found = await agentStatus(ns, pod, port)
    const { reloaded, sent, unconfirmed } = found.counters
    return reloaded + sent + unconfirmed > 0 && found
  })
  const state = stateAfterReload(pod, port)
  const counters = state === 'loaded' ? { reloaded: 1, sent: 0 } : { reloaded: 0, sent: 1 }
  expect(status).toMatchObject({ state, ...of, counters: { ...counters, unconfirmed: 0 } })
  return status
}

/** Expects the same Pod, without a restart of any container. */
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
