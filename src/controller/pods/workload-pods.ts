/** A workload's Pods, and the reports of their agents. */
import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node'
import { type Api, ResponseTooLarge, send } from '../../api/api.ts'
import { listPages } from '../../api/list.ts'
import { asList } from '../../api/response-body.ts'
import { mapLimit } from '../../async/map-limit.ts'
import { FIRST_PORT } from '../../inject/agent-flags.ts'
import { writtenKey } from '../../policy/annotations.ts'
import { CONTAINERS } from '../../policy/values/bounds.ts'
import { isObject, parseJson, property } from '../../workload/json-object.ts'
import type { WorkloadSummary } from '../decide/workload-summary.ts'
import { type AgentAnswer, isReportOf } from './agent-report.ts'

/** An agent's /status as JSON; undefined: unreachable. Never rejects. */
export type AskAgent = (ip: string, port: number) => Promise<unknown>

/** A Pod has 5 to 30 KB, and a workload may have thousands of them. */
const PAGE = 100
/** Characters that the Pods of a workload may have for a list without pages. */
const ONE_RESPONSE = 1_048_576
/** Milliseconds. */
const TIMEOUT = 30_000

/** Each Pod with the fields that the controller reads. @throws ApiError */
export async function podsOf(api: Api, { namespace, selector }: WorkloadSummary): Promise<V1Pod[]> {
  if (selector === undefined) return []
  const path = `/api/v1/namespaces/${namespace}/pods?labelSelector=${encodeURIComponent(selector)}`
  const inMemory = await podsInMemory(api, path)
  if (inMemory) return inMemory.map(fieldsInUse)
  const found: V1Pod[] = []
  for await (const items of listPages<V1Pod>(api, path, PAGE)) found.push(...items.map(fieldsInUse))
  return found
}

/**
 * As the API server has them in memory, some moments old. For a list with a limit, Kubernetes before 1.34 reads all Pods of the namespace from
 * etcd, and the lists of 400 workloads took 17 times the CPU (docs/scale.md). Undefined: they are too many for one response.
 */
async function podsInMemory(api: Api, path: string): Promise<readonly V1Pod[] | undefined> {
  const call = {
    path: `${path}&resourceVersion=0`,
    timeoutMilliseconds: TIMEOUT,
    responseLimit: ONE_RESPONSE,
  }
  try {
    return asList<V1Pod>((await send(api, { method: 'GET', ...call }, 200)).body).items
  } catch (error) {
    if (error instanceof ResponseTooLarge) return undefined
    throw error
  }
}

/** Labels by which a workload's controller tells the Pods of its templates apart: a ReplicaSet's, Argo's, a ControllerRevision's. */
const TEMPLATE_LABELS = [
  'pod-template-hash',
  'rollouts-pod-template-hash',
  'controller-revision-hash',
] as const

/** Text that the Pods of one template have in common. */
export const templateOf = ({ metadata }: V1Pod): string =>
  TEMPLATE_LABELS.map((label) => metadata?.labels?.[label] ?? '').join()

/** The other fields of ten thousand Pods would fill the heap. */
function fieldsInUse({ metadata = {}, spec, status = {} }: V1Pod): V1Pod {
  return {
    metadata: {
      ...pick(metadata, 'name', 'namespace', 'uid', 'creationTimestamp', 'deletionTimestamp'),
      annotations: pick(metadata.annotations ?? {}, writtenKey('status')),
      ...(metadata.labels ? { labels: pick(metadata.labels, ...TEMPLATE_LABELS) } : {}),
    },
    ...(spec
      ? {
          spec: { containers: [], ...pick(spec, 'nodeName', 'hostPID', 'hostNetwork', 'os', 'nodeSelector') },
        }
      : {}),
    status: {
      ...pick(status, 'phase', 'podIP', 'conditions'),
      ...(status.phase === 'Pending' ? pick(status, 'initContainerStatuses') : {}),
      containerStatuses: (status.containerStatuses ?? []).map(startOf),
    },
  }
}

/** When the container started, if it runs. */
const startOf = ({ name, state }: V1ContainerStatus) =>
  ({ name, ...(state?.running ? { state: { running: state.running } } : {}) }) as V1ContainerStatus

function pick<T extends object, K extends keyof T>(from: T, ...keys: readonly K[]): Pick<T, K> {
  const picked = {} as Pick<T, K>
  for (const key of keys) if (Object.hasOwn(from, key)) picked[key] = from[key]
  return picked
}

/** Its path in the API. */
export const podPath = ({ metadata }: V1Pod): string =>
  `/api/v1/namespaces/${metadata?.namespace}/pods/${metadata?.name}`

/** The annotation that says what was injected. */
const STATUS_KEY = writtenKey('status')

/** Whether the Pod has agents, runs or waits at a gate, and is not terminating. */
export const hasRunningAgents = (pod: V1Pod): boolean => {
  const { metadata, status } = pod
  if (metadata?.annotations?.[STATUS_KEY] === undefined || metadata.deletionTimestamp !== undefined)
    return false
  return (
    status?.phase === 'Running' || (status?.phase === 'Pending' && containersWith('gate', pod).length > 0)
  )
}

/**
 * The containers of a Pod that have one of these, from its status annotation: those with an agent are in the order of their ports, but for names
 * that are numbers, which JavaScript puts first. A report says itself whose it is.
 */
export function containersWith(what: 'agent' | 'gate', { metadata }: V1Pod): string[] {
  const own = metadata?.annotations?.[STATUS_KEY] ?? ''
  if (!own.includes(`"${what}":`)) return []
  const containers = property(parseJson(own), 'containers')
  return Object.entries(isObject(containers) ? containers : {})
    .flatMap(([name, one]) => (property(one, what) === undefined ? [] : [name]))
    .slice(0, CONTAINERS)
}

/** In milliseconds since 1970. */
export const createdAt = ({ metadata }: V1Pod): number => Date.parse(String(metadata?.creationTimestamp)) || 0

export const isReady = ({ status }: V1Pod): boolean =>
  (status?.conditions ?? []).some((one) => one.type === 'Ready' && one.status === 'True')

/** Of one Pod, at once. An answer has up to 64 KiB, and those of many Pods are read together. */
const CONCURRENT_ANSWERS = 4

/**
 * What `read` makes of the answers of a Pod's agents, each as it arrives: the answers of thousands of Pods would fill the heap. One from
 * another Pod's agent counts as none. The Pod says itself which agents it has: a Pod of an earlier template may have others than the workload.
 */
export function answersOf<T>(pod: V1Pod, askAgent: AskAgent, read: (answer: AgentAnswer) => T): Promise<T[]> {
  const ip = pod.status?.podIP
  const containers = containersWith('agent', pod)
  const readOne = async ([index, container]: [number, string]): Promise<T> => {
    const report = ip === undefined ? undefined : await askAgent(ip, FIRST_PORT + index)
    if (!isObject(report) || !isReportOf(report, pod)) return read({ container, report: undefined })
    return read({ container: containers.find((one) => one === report['container']) ?? container, report })
  }
  return mapLimit([...containers.entries()], readOne, CONCURRENT_ANSWERS)
}
