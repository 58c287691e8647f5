// What tests of reloading do over and over: edit a ConfigMap, spare the kubelet's minute, ask the agent.
import type { V1Pod } from '@kubernetes/client-node'
import { expect } from 'vitest'
import { type Namespace, until } from './kube.ts'

export const configMap = (name: string, data: Readonly<Record<string, string>>): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data,
})

export interface DeploymentOptions {
  name?: string
  annotations?: Readonly<Record<string, string>>
  replicas?: number
  /** Fields of the Pod's spec beside containers and volumes. */
  spec?: object
}

export interface Workload {
  apiVersion: string
  kind: string
  metadata: object
  spec: {
    replicas?: number
    template: { metadata: object; spec: { containers: object[]; [field: string]: unknown } }
    [field: string]: unknown
  }
}

/** An opted-in Deployment with one container, called as the Deployment is. */
export function deployment(
  container: object,
  volumes: readonly object[],
  options: DeploymentOptions = {},
): Workload {
  const { name = 'web', annotations = {}, replicas = 1, spec = {} } = options
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, annotations: { 'hotreload.dev/inject': 'true', ...annotations } },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          terminationGracePeriodSeconds: 1,
          containers: [{ name, imagePullPolicy: 'Never', ...container }],
          volumes,
          ...spec,
        },
      },
    },
  }
}

export const configMapVolume = (name: string, from = name): object => ({ name, configMap: { name: from } })

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
  counters: { reloaded: number; signals: number; validationsFailed: number }
  [field: string]: unknown
}

/** What an agent says of itself. */
export async function agentStatus(ns: Namespace, pod: V1Pod, port = 9467): Promise<AgentStatus> {
  return JSON.parse((await ns.fetch(pod, '/status', port)).body)
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
  )
