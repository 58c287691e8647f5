/** `hotreload status`: what each injected Pod has loaded, according to its agents. */
import type { V1Pod } from '@kubernetes/client-node'
import { listAll } from '../../api/list.ts'
import { asObject } from '../../api/response-body.ts'
import { mapLimit } from '../../async/map-limit.ts'
import type { KubeClient } from '../../kube/client.ts'
import type { ApiObject } from '../../workload/pod-template.ts'
import { clusterAccess, refusal } from '../shared/cluster-access.ts'
import type { QueryOptions } from '../shared/query-flags.ts'
import { progressLine, type QueryIo, writeAnswer } from '../shared/query-output.ts'
import { formatTable } from '../shared/table.ts'
import {
  type AgentAddress,
  type AgentStatus,
  agentsOf,
  isInjectedOrOptedIn,
  readReport,
  statusOfPod,
  unreachable,
} from './agents.ts'

/** An agent answers in a millisecond, but the API server connects through the kubelet, which may be slow on a busy node. */
const TIMEOUT_MILLISECONDS = 5_000

/** States in which the configuration is not loaded, and will not be without a change. */
const failed: ReadonlySet<string> = new Set([
  'refused',
  'invalid',
  'killed',
  'removed',
  'error',
  'not injected',
])

/**
 * @returns the exit code: 0, or 1 if an agent is in a failed state or missing
 * @throws UserError if Pods can't be listed
 */
export async function statusCommand(
  options: QueryOptions & { allNamespaces: boolean },
  io: QueryIo,
  now = Date.now(),
): Promise<number> {
  const client = await clusterAccess(options, io.env)
  const progress = progressLine(io)
  const namespace = options.allNamespaces ? undefined : client.namespace
  const rows = await readStatus(client, namespace, (text) => progress.show(text)).finally(() =>
    progress.end(),
  )
  writeAnswer(io, options.output, { kind: 'AgentStatusList', items: rows }, (columns) =>
    asTable(rows, namespace, now, columns),
  )
  return rows.some(({ state }) => failed.has(state)) ? 1 : 0
}

/** @param namespace undefined: all */
export async function readStatus(
  client: KubeClient,
  namespace: string | undefined,
  show: (text: string) => void = () => {},
): Promise<AgentStatus[]> {
  const path = namespace === undefined ? '/api/v1/pods' : `/api/v1/namespaces/${namespace}/pods`
  const listed = await listAll<ApiObject & V1Pod>(client, path, (count) => show(`listing Pods: ${count}`))
  if (!Array.isArray(listed))
    throw refusal(
      listed,
      `list pods in ${namespace === undefined ? 'all namespaces' : `namespace ${namespace}`}`,
    )
  const known: AgentStatus[] = []
  const agents: AgentAddress[] = []
  for (const pod of listed.filter(isInjectedOrOptedIn)) {
    const row = statusOfPod(pod)
    if (row) known.push(row)
    else agents.push(...agentsOf(pod))
  }
  let asked = 0
  const answered = await mapLimit(agents, async (agent) => {
    const row = await ask(client, agent)
    asked += 1
    show(`asking agents: ${asked} of ${agents.length}`)
    return row
  })
  return [...known, ...answered].toSorted((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1))
}

const sortKey = ({ namespace, pod, container = '' }: AgentStatus): string =>
  `${namespace}/${pod}/${container}`

/** Asks through the API server's proxy: a user's machine can't reach the addresses of Pods. */
async function ask(client: KubeClient, agent: AgentAddress): Promise<AgentStatus> {
  const { namespace, pod, port } = agent
  const path = `/api/v1/namespaces/${namespace}/pods/${pod}:${port}/proxy/status`
  try {
    const { status, body } = await client.call({
      method: 'GET',
      path,
      timeoutMilliseconds: TIMEOUT_MILLISECONDS,
    })
    if (status === 200) return readReport(agent, body)
    const why =
      asObject(body)['code'] === 403 && status === 403
        ? 'you may not get pods/proxy'
        : `${status} from port ${port}`
    return unreachable(agent, why)
  } catch {
    return unreachable(agent, `no answer from port ${port} within ${TIMEOUT_MILLISECONDS / 1000} s`)
  }
}

function asTable(
  rows: readonly AgentStatus[],
  namespace: string | undefined,
  now: number,
  columns: number | undefined,
): string {
  if (rows.length === 0)
    return namespace === undefined
      ? 'No Pod has an agent or is opted in.\n'
      : `No Pod in namespace ${namespace} has an agent or is opted in; --all-namespaces lists the Pods of all namespaces.\n`
  const place = namespace === undefined ? ['NAMESPACE'] : []
  const head = [...place, 'POD', 'CONTAINER', 'STATE', 'RELOAD', 'LOADED', 'CONFIGURATION']
  return formatTable(
    head,
    rows.map((row) => [
      ...(namespace === undefined ? [row.namespace] : []),
      row.pod,
      row.container ?? '',
      row.state,
      row.reload ?? '',
      age(loadedAt(row), now),
      [row.volumes.map(volumeText).join(' '), row.note ?? ''].filter(Boolean).join('; '),
    ]),
    columns,
  )
}

/** Pods with different hashes run different configurations. */
const volumeText = ({ name, sha256, current }: AgentStatus['volumes'][number]): string =>
  `${name}${sha256 ? `@${sha256.slice(0, 8)}` : ''}${current ? '' : ' (an older one)'}`

const loadedAt = ({ volumes }: AgentStatus): number =>
  Math.max(...volumes.map((one) => Date.parse(one.loadedAt ?? '') || 0), 0)

/** `45s`, `12m`, `3h`, `9d`, as kubectl's AGE. */
export function age(at: number, now: number): string {
  if (at === 0) return ''
  const seconds = Math.max(0, Math.round((now - at) / 1000))
  const units: [number, string][] = [
    [86_400, 'd'],
    [3_600, 'h'],
    [60, 'm'],
  ]
  const [size, unit] = units.find(([one]) => seconds >= one * 2) ?? [1, 's']
  return `${Math.floor(seconds / size)}${unit}`
}
