/** The agents of injected Pods, and their reports (docs/agent.md, /status). Pure. */
import type { V1Pod } from '@kubernetes/client-node'
import { isReportOf } from '../../controller/pods/agent-report.ts'
import { FIRST_PORT } from '../../inject/agent-flags.ts'
import { PREFIX, writtenKey } from '../../policy/annotations.ts'
import { skipReasons } from '../../policy/decide.ts'
import { builtInDefaults } from '../../policy/defaults.ts'
import { readPod } from '../../policy/read-workload.ts'
import { isObject, parseJson, property } from '../../workload/json-object.ts'

/** One agent of a Pod, and the container it serves. */
export interface AgentAddress {
  namespace: string
  pod: string
  container: string
  port: number
  /** The Pod as it was listed. */
  of: V1Pod
}

export interface LoadedVolume {
  name: string
  /** Whether the loaded content is the mounted one. */
  current: boolean
  loadedAt?: string
  /** The hash of the loaded content; ConfigMaps only. */
  sha256?: string
}

/** One row of the answer. */
export interface AgentStatus {
  namespace: string
  pod: string
  container?: string
  /** The agent's own, or `unreachable`: no agent answers; `not injected`: the Pod is opted in and has none; or the Pod's phase. */
  state: string
  /** The reload method. */
  reload?: string
  volumes: LoadedVolume[]
  lastReloadAt?: string
  /** Why the content is not loaded, or not known. */
  note?: string
}

const STATUS = writtenKey('status')

/** The agents of a Pod, in the order of their ports (inject/pod.ts numbers them as the annotation lists them). */
export function agentsOf(pod: V1Pod): AgentAddress[] {
  const { namespace = '', name = '', annotations = {} } = pod.metadata ?? {}
  const containers = property(parseJson(annotations[STATUS] ?? ''), 'containers')
  return Object.entries(isObject(containers) ? containers : {})
    .filter(([, status]) => isObject(status) && typeof status['agent'] === 'string')
    .map(([container], index) => ({ namespace, pod: name, container, port: FIRST_PORT + index, of: pod }))
}

/** The row of a Pod whose agents need not be asked; undefined: ask them. */
export function statusOfPod(pod: V1Pod): AgentStatus | undefined {
  const { namespace = '', name = '', annotations = {}, deletionTimestamp } = pod.metadata ?? {}
  const at = { namespace, pod: name, volumes: [] }
  if (annotations[STATUS] === undefined) return { ...at, ...withoutAgent(pod) }
  if (deletionTimestamp !== undefined) return { ...at, state: 'ending' }
  const phase = pod.status?.phase ?? 'Unknown'
  return phase === 'Running' ? undefined : { ...at, state: phase.toLowerCase() }
}

/** As the webhook decides about the Pod: `not injected` if it should have an agent. */
function withoutAgent(pod: V1Pod): Pick<AgentStatus, 'state' | 'note'> {
  const { skip } = readPod(pod, builtInDefaults)
  return skip
    ? { state: 'no agent', note: skipReasons[skip] }
    : { state: 'not injected', note: 'it is opted in and has no agent: see hotreload doctor' }
}

/** Whether a Pod has an agent, or is opted in. */
export const isInjectedOrOptedIn = ({ metadata }: V1Pod): boolean =>
  metadata?.annotations?.[STATUS] !== undefined ||
  metadata?.annotations?.[`${PREFIX}inject`]?.trim() === 'true'

/** The row of an agent's report. */
export function readReport(agent: AgentAddress, report: unknown): AgentStatus {
  const { namespace, pod, container, of } = agent
  const at = { namespace, pod, container }
  const state = isObject(report) ? text(report['state']) : undefined
  if (!isObject(report) || state === undefined)
    return unreachable(agent, 'another program answers on its port')
  if (!isReportOf(report, of)) return unreachable(agent, "the port belongs to another Pod's agent")
  const [reload, lastReloadAt] = [text(report['reload']), text(report['lastReloadAt'])]
  const note = [report['error'], ...list(report['warnings'])].map(sentence).filter(Boolean).join('; ')
  return {
    ...at,
    state,
    ...(reload ? { reload } : {}),
    volumes: list(report['volumes']).map(volume),
    ...(lastReloadAt ? { lastReloadAt } : {}),
    ...(note ? { note } : {}),
  }
}

export const unreachable = ({ namespace, pod, container }: AgentAddress, note: string): AgentStatus => ({
  namespace,
  pod,
  container,
  state: 'unreachable',
  volumes: [],
  note,
})

function volume(reported: unknown): LoadedVolume {
  const { name, current, loadedAt, sha256 } = isObject(reported) ? reported : {}
  const [at, hash] = [text(loadedAt), text(sha256)]
  return {
    name: text(name) ?? '',
    current: current === true,
    ...(at ? { loadedAt: at } : {}),
    ...(hash ? { sha256: hash } : {}),
  }
}

function sentence(problem: unknown): string {
  const { code, message } = isObject(problem) ? problem : {}
  return text(message) ? `${text(message)}${text(code) ? ` [${text(code)}]` : ''}` : ''
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value.slice(0, 500) : undefined
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])
