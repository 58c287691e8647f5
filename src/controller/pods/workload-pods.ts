/** A workload's Pods, and what their agents say of themselves. */
import type { V1Pod } from '@kubernetes/client-node'
import type { Api } from '../../api/api.ts'
import { listPages } from '../../api/list.ts'
import { FIRST_PORT } from '../../inject/agent-flags.ts'
import { writtenKey } from '../../policy/annotations.ts'
import type { WorkloadSummary } from '../decide/workload-summary.ts'
import type { ControllerOptions } from '../options.ts'

/** A Pod has 5 to 30 KB, and a workload may have thousands: all of them are more than any answer we read. */
const PAGE = 100

/** Of each Pod what the controller looks at. @throws ApiError */
export async function podsOf(api: Api, { namespace, selector }: WorkloadSummary): Promise<V1Pod[]> {
  if (selector === undefined) return []
  const path = `/api/v1/namespaces/${namespace}/pods?labelSelector=${encodeURIComponent(selector)}`
  const found: V1Pod[] = []
  for await (const items of listPages<V1Pod>(api, path, PAGE)) found.push(...items.map(ofInterest))
  return found
}

/** The rest of ten thousand Pods would fill the heap. */
function ofInterest({ metadata = {}, spec, status = {} }: V1Pod): V1Pod {
  return {
    metadata: {
      ...pick(metadata, 'name', 'namespace', 'uid', 'creationTimestamp', 'deletionTimestamp'),
      annotations: pick(metadata.annotations ?? {}, writtenKey('status')),
    },
    ...(spec ? { spec: { containers: [], ...pick(spec, 'hostPID', 'os', 'nodeSelector') } } : {}),
    status: pick(status, 'phase', 'podIP', 'conditions'),
  }
}

function pick<T extends object, K extends keyof T>(from: T, ...keys: readonly K[]): Pick<T, K> {
  const picked = {} as Pick<T, K>
  for (const key of keys) if (Object.hasOwn(from, key)) picked[key] = from[key]
  return picked
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
  { native }: WorkloadSummary,
  { status }: V1Pod,
  askAgent: ControllerOptions['askAgent'],
): Promise<unknown[]> {
  const ip = status?.podIP
  const ports = Array.from({ length: native?.agents ?? 0 }, (_, index) => FIRST_PORT + index)
  return Promise.all(ports.map(async (port) => (ip === undefined ? undefined : askAgent(ip, port))))
}
