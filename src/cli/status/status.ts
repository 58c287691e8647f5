/** `hotreload status`: what each injected Pod has loaded, according to its agents. */
import { setTimeout } from 'node:timers/promises'
import type { V1Pod } from '@kubernetes/client-node'
import { listAll } from '../../api/list.ts'
import { asObject } from '../../api/response-body.ts'
import { mapLimit } from '../../async/map-limit.ts'
import type { KubeClient } from '../../kube/client.ts'
import type { ApiObject } from '../../workload/pod-template.ts'
import { clusterAccess, refusal } from '../shared/cluster-access.ts'
import type { QueryOptions } from '../shared/query-flags.ts'
import { progressLine, type QueryIo, writeAnswer } from '../shared/query-output.ts'
import {
  type AgentAddress,
  type AgentStatus,
  agentsOf,
  isInjectedOrOptedIn,
  readReport,
  statusOfContainer,
  statusOfPod,
  unreachable,
} from './agents.ts'
import { statusTable } from './status-table.ts'

/** An agent answers in a millisecond, but the API server connects through the kubelet, which may be slow on a busy node. */
const TIMEOUT_MILLISECONDS = 5_000

/** Between two looks of --watch. */
const WATCH_MILLISECONDS = 2_000

export interface StatusQuestion extends QueryOptions {
  allNamespaces: boolean
  /** Of Pods, as kubectl's. */
  selector?: string
  /** Names of Pods; none: all. */
  pods: readonly string[]
  /** Answer again whenever something has changed. */
  watch: boolean
}

/**
 * With --watch it never ends by itself.
 * @returns the exit code: 0, or 1 if something has failed
 * @throws UserError if Pods can't be listed, or a named one does not exist
 */
export async function statusCommand(options: StatusQuestion, io: QueryIo, now = Date.now): Promise<number> {
  const client = await clusterAccess(options, io.env)
  const namespace = options.allNamespaces ? undefined : client.namespace
  const progress = options.watch ? undefined : progressLine(io)
  for (let before = ''; ; await setTimeout(WATCH_MILLISECONDS)) {
    const rows = await readStatus(client, { ...options, namespace }, now(), progress?.show).finally(
      progress?.end,
    )
    const answer = JSON.stringify(rows)
    if (answer !== before) {
      if (before !== '' && options.output === 'table') io.stdout.write('\n')
      writeAnswer(io, options.output, { kind: 'AgentStatusList', items: rows }, (columns) =>
        rows.length === 0 ? nothing(namespace) : statusTable(rows, namespace, now(), columns),
      )
    }
    before = answer
    if (!options.watch) return rows.some(({ failed }) => failed) ? 1 : 0
  }
}

const nothing = (namespace: string | undefined): string =>
  `No Pod ${namespace === undefined ? '' : `in namespace ${namespace} `}has an agent or is opted in; hotreload doctor finds workloads whose opt-in has no effect${
    namespace === undefined ? '' : ', and --all-namespaces lists the Pods of all namespaces'
  }.\n`

/** Which Pods; an absent `namespace`: those of all. */
export interface PodChoice {
  namespace: string | undefined
  selector?: string
  pods?: readonly string[]
}

/** @throws UserError if Pods can't be listed, or a named one does not exist */
export async function readStatus(
  client: KubeClient,
  { namespace, selector, pods = [] }: PodChoice,
  now: number,
  show: (text: string) => void = () => {},
): Promise<AgentStatus[]> {
  const query = selector === undefined ? '' : `?labelSelector=${encodeURIComponent(selector)}`
  const path = (namespace === undefined ? '/api/v1/pods' : `/api/v1/namespaces/${namespace}/pods`) + query
  const listed = await listAll<ApiObject & V1Pod>(client, path, (count) => show(`listing Pods: ${count}`))
  if (!Array.isArray(listed))
    throw refusal(
      listed,
      `list pods in ${namespace === undefined ? 'all namespaces' : `namespace ${namespace}`}`,
    )
  const missing = pods.find((name) => !listed.some(({ metadata }) => metadata?.name === name))
  if (missing !== undefined)
    throw refusal(
      { status: 404, body: {} },
      `get Pod ${missing} in ${namespace === undefined ? 'any namespace' : `namespace ${namespace}`}`,
    )
  const chosen = listed.filter(({ metadata }) => pods.length === 0 || pods.includes(metadata?.name ?? ''))
  return statusOfPods(client, pods.length > 0 ? chosen : chosen.filter(isInjectedOrOptedIn), now, show)
}

/** The rows of these Pods, in order. */
export async function statusOfPods(
  client: KubeClient,
  pods: readonly V1Pod[],
  now: number,
  show: (text: string) => void,
): Promise<AgentStatus[]> {
  const known: AgentStatus[] = []
  const agents: AgentAddress[] = []
  for (const pod of pods) {
    const row = statusOfPod(pod, now)
    if (row) known.push(row)
    else agents.push(...agentsOf(pod))
  }
  let asked = 0
  const answered = await mapLimit(agents, async (agent) => {
    const row = await ask(client, agent, now)
    asked += 1
    show(`asking agents: ${asked} of ${agents.length}`)
    const stopped = statusOfContainer(agent)
    return stopped ? withRefusals(stopped, row) : row
  })
  return [...known, ...answered].toSorted((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1))
}

/** The last report of an agent says nothing of the next start of its container, except what the validator refuses and what a gate keeps out. */
const withRefusals = (stopped: AgentStatus, { state, note, volumes }: AgentStatus): AgentStatus => ({
  ...stopped,
  volumes: volumes.filter(({ held, reverted }) => held ?? reverted),
  ...(['invalid', 'held', 'reverted'].includes(state)
    ? { note: [stopped.note, note].filter(Boolean).join('; ') }
    : {}),
})

const sortKey = ({ namespace, pod, container = '' }: AgentStatus): string =>
  `${namespace}/${pod}/${container}`

/** Asks through the API server's proxy: a user's machine can't reach the addresses of Pods. */
async function ask(client: KubeClient, agent: AgentAddress, now: number): Promise<AgentStatus> {
  const { namespace, pod, port } = agent
  const path = `/api/v1/namespaces/${namespace}/pods/${pod}:${port}/proxy/status`
  try {
    const { status, body } = await client.call({
      method: 'GET',
      path,
      timeoutMilliseconds: TIMEOUT_MILLISECONDS,
    })
    if (status === 200) return readReport(agent, body, now)
    const why =
      asObject(body)['code'] === 403 && status === 403
        ? 'you may not get pods/proxy'
        : `${status} from port ${port}`
    return unreachable(agent, why)
  } catch {
    return unreachable(agent, `no answer from port ${port} within ${TIMEOUT_MILLISECONDS / 1000} s`)
  }
}
