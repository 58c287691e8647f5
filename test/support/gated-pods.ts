// What tests of gates on a node do with Pods: end their containers, look at their files, and wait for what the agent says.
import { join } from 'node:path'
import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node'
import { processesOf } from './container-process.ts'
import { type Namespace, until } from './kube.ts'
import { type AgentStatus, agentStatus } from './reload.ts'

export const nameOf = (pod: V1Pod): string => pod.metadata?.name ?? ''

export const statusOf = ({ status }: V1Pod, container: string): V1ContainerStatus | undefined =>
  [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])].find(
    ({ name }) => name === container,
  )

/** Waits until the agent's state is this one. */
export const reaches = (ns: Namespace, pod: V1Pod, state: string): Promise<AgentStatus> =>
  until(`the agent is ${state}`, async () => {
    const status = await agentStatus(ns, pod).catch(() => undefined)
    return status?.state === state && status
  })

/** Waits until the container has ended and runs again. */
export const restarted = (ns: Namespace, before: V1Pod, container: string): Promise<unknown> =>
  until(`${container} runs again`, async () => {
    const found = statusOf(await ns.get<V1Pod>('pod', nameOf(before)), container)
    return found?.state?.running && found.containerID !== statusOf(before, container)?.containerID
  })

/** Kills a container and waits until it runs again. `pod` is as it was before that. */
export async function killed(ns: Namespace, pod: V1Pod, container: string): Promise<void> {
  for (const pid of processesOf(pod, container)) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch (error) {
      // Workers end when their parent does.
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
    }
  }
  await restarted(ns, pod, container)
}

export interface LogLine {
  time: string
  msg: string
  sha256?: string
  code?: string
}

/** The agent's log since its last start. */
export async function agentLog(ns: Namespace, pod: V1Pod): Promise<LogLine[]> {
  const lines = (await ns.logs(nameOf(pod), 'hotreload-agent')).split('\n').filter(Boolean)
  return lines.map((line): LogLine => JSON.parse(line))
}

/** How often the validator has refused what the agent holds back; undefined: nothing is held. */
export async function refusalsIn(ns: Namespace, pod: V1Pod): Promise<number | undefined> {
  const { volumes } = await agentStatus(ns, pod)
  const gated = volumes as { gate?: { held: { refusals: number } | null } }[]
  return gated.find(({ gate }) => gate?.held)?.gate?.held?.refusals
}

/** A path as a container sees it. */
export const seenBy = (pod: V1Pod, container: string, path: string): string =>
  join(`/proc/${processesOf(pod, container)[0]}/root`, path)

/** Our annotations, from names without the prefix. */
export const annotated = (short: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(short).map(([key, value]) => [`hotreload.dev/${key}`, value]))
