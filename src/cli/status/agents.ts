/** What injected Pods are to be asked, and what their agents' answers say. Fields: docs/agent.md, /status. Pure. */
import type { V1Pod } from '@kubernetes/client-node'
import { FIRST_PORT } from '../../inject/agent-flags.ts'
import { PREFIX, writtenKey } from '../../policy/annotations.ts'
import { skipReasons } from '../../policy/decide.ts'
import { builtInDefaults } from '../../policy/defaults.ts'
import { readPod } from '../../policy/read-workload.ts'
import { isObject } from '../../workload/json-object.ts'

/** One agent of a Pod, and the container it serves. */
export interface AgentAddress {
  namespace: string
  pod: string
  container: string
  port: number
}

export interface LoadedVolume {
  name: string
  /** What is mounted is what is loaded. */
  current: boolean
  loadedAt?: string
  /** Of what is loaded; ConfigMaps only. */
  sha256?: string
}

/** `unreachable`: nobody answers, or something else does; `not injected`: it asks for an agent and has none; else the agent's own word. */
export interface AgentStatus {
  namespace: string
  pod: string
  container?: string
  state: string
  /** How it reloads. */
  reload?: string
  volumes: LoadedVolume[]
  lastReloadAt?: string
  /** Why it is not loaded, or not known. */
  note?: string
}

const STATUS = writtenKey('status')

/** The agents of a Pod, in the order of their ports (inject/pod.ts numbers them as the annotation lists them). */
export function agentsOf(pod: V1Pod): AgentAddress[] {
  const { namespace = '', name = '', annotations = {} } = pod.metadata ?? {}
  const containers = Object.entries(containersIn(annotations[STATUS]))
  return containers
    .filter(([, told]) => isObject(told) && typeof told['agent'] === 'string')
    .map(([container], index) => ({ namespace, pod: name, container, port: FIRST_PORT + index }))
}

function containersIn(annotation: string | undefined): Record<string, unknown> {
  try {
    const { containers } = Object(JSON.parse(annotation ?? '{}'))
    return isObject(containers) ? containers : {}
  } catch {
    return {}
  }
}

/** What a Pod's own object says, where no agent need be asked; undefined: ask. */
export function withoutAsking(pod: V1Pod): AgentStatus | undefined {
  const { namespace = '', name = '', annotations = {}, deletionTimestamp } = pod.metadata ?? {}
  const at = { namespace, pod: name, volumes: [] }
  if (annotations[STATUS] === undefined) return { ...at, ...withoutAgent(pod) }
  if (deletionTimestamp !== undefined) return { ...at, state: 'ending' }
  const phase = pod.status?.phase ?? 'Unknown'
  return phase === 'Running' ? undefined : { ...at, state: phase.toLowerCase() }
}

/** By the webhook's own judgement of the Pod: `not injected` where it should have an agent. */
function withoutAgent(pod: V1Pod): Pick<AgentStatus, 'state' | 'note'> {
  const { skip } = readPod(pod, builtInDefaults)
  return skip
    ? { state: 'no agent', note: skipReasons[skip] }
    : { state: 'not injected', note: 'it asks for an agent and has none: see hotreload doctor' }
}

/** Pods that have an agent, or ask for one. */
export const concerns = ({ metadata }: V1Pod): boolean =>
  metadata?.annotations?.[STATUS] !== undefined ||
  metadata?.annotations?.[`${PREFIX}inject`]?.trim() === 'true'

/** What an agent said. */
export function readReport({ namespace, pod, container }: AgentAddress, report: unknown): AgentStatus {
  const at = { namespace, pod, container }
  const state = isObject(report) ? text(report['state']) : undefined
  if (!isObject(report) || state === undefined)
    return { ...at, state: 'unreachable', volumes: [], note: 'what answers there is no agent' }
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

function volume(told: unknown): LoadedVolume {
  const { name, current, loadedAt, sha256 } = Object(told) as Record<string, unknown>
  const [at, hash] = [text(loadedAt), text(sha256)]
  return {
    name: text(name) ?? '',
    current: current === true,
    ...(at ? { loadedAt: at } : {}),
    ...(hash ? { sha256: hash } : {}),
  }
}

function sentence(problem: unknown): string {
  const { code, message } = Object(problem) as Record<string, unknown>
  return text(message) ? `${text(message)}${text(code) ? ` [${text(code)}]` : ''}` : ''
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value.slice(0, 500) : undefined
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])
