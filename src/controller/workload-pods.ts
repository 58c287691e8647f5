/** A workload's Pods, and what their agents say of themselves. */
import type { V1Pod } from '@kubernetes/client-node'
import { FIRST_PORT } from '../inject/agent.ts'
import { writtenKey } from '../policy/annotations.ts'
import type { Api } from './api.ts'
import type { ControllerOptions } from './controller-options.ts'
import type { Facts } from './workload-facts.ts'

/** Milliseconds: a workload may have thousands. */
const LIST_TIMEOUT = 30_000

/** @throws Error where they could not be listed */
export async function podsOf(api: Api, { namespace, selector }: Facts): Promise<V1Pod[]> {
  if (selector === undefined) return []
  const path = `/api/v1/namespaces/${namespace}/pods?labelSelector=${encodeURIComponent(selector)}`
  const { status, body } = await api.call({ method: 'GET', path, timeoutMilliseconds: LIST_TIMEOUT })
  if (status !== 200) throw new Error(`Pods not listed: ${status}`)
  return (body as { items: V1Pod[] | null }).items ?? []
}

/** Of the API. */
export const podPath = ({ metadata }: V1Pod): string =>
  `/api/v1/namespaces/${metadata?.namespace}/pods/${metadata?.name}`

/** Whether its agents run, and will for a while. */
export const hasRunningAgents = ({ metadata, status }: V1Pod): boolean =>
  metadata?.annotations?.[writtenKey('status')] !== undefined &&
  metadata.deletionTimestamp === undefined &&
  status?.phase === 'Running'

export const isReady = ({ status }: V1Pod): boolean =>
  (status?.conditions ?? []).some((one) => one.type === 'Ready' && one.status === 'True')

/** The /status of each of a Pod's agents; undefined for one that nobody reaches. */
export function reportsOf(
  { native }: Facts,
  { status }: V1Pod,
  askAgent: ControllerOptions['askAgent'],
): Promise<unknown[]> {
  const ip = status?.podIP
  const ports = Array.from({ length: native?.agents ?? 0 }, (_, index) => FIRST_PORT + index)
  return Promise.all(ports.map(async (port) => (ip === undefined ? undefined : askAgent(ip, port))))
}
