/** The agents of injected Pods, and their reports (docs/agent.md, /status). Pure. */
import type { V1Pod } from '@kubernetes/client-node'
import { errorOf, isReportOf, problemState } from '../../controller/pods/agent-report.ts'
import { remedyOf } from '../../controller/pods/problem-remedy.ts'
import { FIRST_PORT } from '../../inject/agent-flags.ts'
import { gateContainerName } from '../../inject/gate.ts'
import { PREFIX, writtenKey } from '../../policy/annotations.ts'
import { skipReasons } from '../../policy/decide.ts'
import { builtInDefaults } from '../../policy/defaults.ts'
import { readPod } from '../../policy/read-workload.ts'
import { withoutQueries } from '../../policy/values/url.ts'
import { sourceId } from '../../workload/checksum.ts'
import { isObject, parseJson, property } from '../../workload/json-object.ts'
import { controller } from '../../workload/pod-template.ts'
import { references, volumeSources } from '../../workload/references.ts'
import { isStuck, notRunning, pendingReason } from './container-state.ts'

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
  /** The ConfigMap or Secret behind a container's variables, whose change restarts it. */
  source?: string
  /** Content that its gate holds back, and how often the validator has refused it. */
  held?: { sha256: string; refusals: number; since: string }
  /** Content that was published, and taken back because the program was not well with it. */
  reverted?: { sha256: string; at: string }
  /** What is published is on trial for so long. */
  trialUntil?: string
}

/** One row of the answer. */
export interface AgentStatus {
  namespace: string
  pod: string
  container?: string
  /**
   * The agent's own, or `unreachable`: no agent answers; `not injected` and `not gated`: the Pod is opted in and has none; `rolls out`: it needs
   * none; or what the kubelet says of a container or Pod that does not run.
   */
  state: string
  /** Something a person must look at: the exit code follows from it. */
  failed: boolean
  /** The reload method. */
  reload?: string
  volumes: LoadedVolume[]
  lastReloadAt?: string
  /** Why the content is not loaded, or not known. */
  note?: string
  /** What a person does about it: a command, or a sentence. */
  remedy?: string
}

const STATUS = writtenKey('status')

/** The agents of a Pod, in the order of their ports, which is that of their containers (inject/agent.ts). */
export function agentsOf(pod: V1Pod): AgentAddress[] {
  const { namespace = '', name = '', annotations = {} } = pod.metadata ?? {}
  const containers = property(parseJson(annotations[STATUS] ?? ''), 'containers')
  // Not that of the annotation: JavaScript puts a key such as `1`, which a container may be called, before all others.
  const order = new Map((pod.spec?.containers ?? []).map(({ name: one }, index) => [one, index]))
  const placeOf = ([container]: [string, unknown]) => order.get(container) ?? 0
  return Object.entries(isObject(containers) ? containers : {})
    .filter(([, status]) => isObject(status) && typeof status['agent'] === 'string')
    .toSorted((a, b) => placeOf(a) - placeOf(b))
    .map(([container], index) => ({ namespace, pod: name, container, port: FIRST_PORT + index, of: pod }))
    .filter(({ container }) => pod.status?.phase !== 'Pending' || waitsAtGate(pod, container))
}

/** Whether the first publish of a container runs: it answers in the agent's place. */
const waitsAtGate = ({ status }: V1Pod, container: string): boolean =>
  (status?.initContainerStatuses ?? []).some(
    ({ name, state }) => name === gateContainerName({ name: container }) && state?.running,
  )

/** The row of a Pod whose agents need not be asked; undefined: ask them. */
export function statusOfPod(pod: V1Pod, now: number): AgentStatus | undefined {
  const { namespace = '', name = '', annotations = {}, deletionTimestamp } = pod.metadata ?? {}
  const at = { namespace, pod: name, volumes: [], failed: false }
  if (annotations[STATUS] === undefined) return { ...at, ...withoutAgent(pod) }
  if (deletionTimestamp !== undefined) return { ...at, state: 'ending' }
  const phase = pod.status?.phase ?? 'Unknown'
  if (phase === 'Running' || (phase === 'Pending' && agentsOf(pod).length > 0)) return undefined
  if (phase !== 'Pending') return { ...at, state: phase.toLowerCase() }
  const { state, ...why } = pendingReason(pod) ?? { state: 'pending' }
  return { ...at, failed: state !== 'pending' || isStuck(pod, now), state, ...why }
}

/** The states of Pods that should have an agent. */
export const missing: ReadonlySet<string> = new Set(['not injected', 'not gated'])

/** As the webhook decides about the Pod. */
function withoutAgent(pod: V1Pod): Pick<AgentStatus, 'state' | 'note' | 'remedy'> & { failed?: boolean } {
  const { skip, plan } = readPod(pod, builtInDefaults)
  if (skip === undefined) {
    const isGated = plan.containers.some(({ gate }) => gate)
    return {
      state: isGated ? 'not gated' : 'not injected',
      failed: true,
      note: `it is opted in and has no agent${isGated ? ': its program sees each edit, whatever its validator says' : ''}`,
      remedy: `hotreload doctor -n ${pod.metadata?.namespace}`,
    }
  }
  const isReplaced = !['Job', undefined].includes(controller(pod.metadata)?.kind)
  const rollsOut =
    skip === 'nothingToWatch' && isReplaced && references(pod.spec ?? { containers: [] }).length > 0
  return rollsOut ? { state: 'rolls out' } : { state: 'no agent', note: skipReasons[skip] }
}

/** The row of an agent whose container does not run. */
export function statusOfContainer({ namespace, pod, container, of }: AgentAddress): AgentStatus | undefined {
  const found = of.status?.phase === 'Pending' ? undefined : notRunning(of, container)
  return found && { namespace, pod, container, volumes: [], failed: found.state !== 'Completed', ...found }
}

/** Whether a Pod has an agent, or is opted in. */
export const isInjectedOrOptedIn = ({ metadata }: V1Pod): boolean =>
  metadata?.annotations?.[STATUS] !== undefined ||
  metadata?.annotations?.[`${PREFIX}inject`]?.trim() === 'true'

/** The row of an agent's report. @param now milliseconds since 1970 */
export function readReport(agent: AgentAddress, report: unknown, now: number): AgentStatus {
  const { namespace, pod, container, of } = agent
  const at = { namespace, pod, container }
  const state = isObject(report) ? text(report['state']) : undefined
  if (!isObject(report) || state === undefined)
    return unreachable(agent, 'another program answers on its port')
  if (!isReportOf(report, of)) return unreachable(agent, "the port belongs to another Pod's agent")
  const [reload, lastReloadAt] = [text(report['reload']), text(report['lastReloadAt'])]
  const sources = envSources(of)
  const volumes = list(report['volumes']).map((one) => volume(one, sources))
  // The agent reloads nothing then: a change of variables ends the container's program.
  const isEnvOnly =
    reload === 'none' && volumes.length > 0 && volumes.every(({ source }) => source !== undefined)
  const error = errorOf(report)
  const note = [error, ...list(report['warnings'])].map(sentence).filter(Boolean).join('; ')
  const failed = problemState({ container, report }, of, now) !== undefined
  const remedy = failed ? remedyOf(of, container, text(error?.['code']) ?? '') : undefined
  return {
    ...at,
    state,
    failed,
    ...(reload ? { reload: isEnvOnly ? 'restart' : reload } : {}),
    volumes,
    ...(lastReloadAt ? { lastReloadAt } : {}),
    ...(note ? { note } : {}),
    ...(remedy ? { remedy } : {}),
  }
}

export const unreachable = ({ namespace, pod, container }: AgentAddress, note: string): AgentStatus => ({
  namespace,
  pod,
  container,
  state: 'unreachable',
  failed: false,
  volumes: [],
  note,
})

/** The volumes behind variables, which inject/env-volumes.ts adds, and what each holds. */
const envSources = ({ spec }: V1Pod): Map<string, string> =>
  new Map(
    (spec?.volumes ?? [])
      .filter(({ name }) => name.startsWith('hotreload-env-'))
      .flatMap((one) => volumeSources(one).map((source): [string, string] => [one.name, sourceId(source)])),
  )

function volume(reported: unknown, sources: ReadonlyMap<string, string>): LoadedVolume {
  const { name, current, loadedAt, sha256, gate } = isObject(reported) ? reported : {}
  const [at, hash, source] = [text(loadedAt), text(sha256), sources.get(text(name) ?? '')]
  const [held, reverted] = [property(gate, 'held'), property(gate, 'reverted')]
  const [heldHash, since] = [text(property(held, 'sha256')), text(property(held, 'since'))]
  const [revertedHash, revertedAt] = [text(property(reverted, 'sha256')), text(property(reverted, 'at'))]
  const trialUntil = text(property(property(gate, 'trial'), 'until'))
  return {
    name: text(name) ?? '',
    current: current === true,
    ...(at ? { loadedAt: at } : {}),
    ...(hash ? { sha256: hash } : {}),
    ...(source ? { source } : {}),
    ...(heldHash && since
      ? { held: { sha256: heldHash, refusals: Number(property(held, 'refusals')), since } }
      : {}),
    ...(revertedHash && revertedAt ? { reverted: { sha256: revertedHash, at: revertedAt } } : {}),
    ...(trialUntil ? { trialUntil } : {}),
  }
}

function sentence(problem: unknown): string {
  const { code, message } = isObject(problem) ? problem : {}
  return text(message) ? `${text(message)}${text(code) ? ` [${text(code)}]` : ''}` : ''
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? withoutQueries(value.slice(0, 500)) : undefined
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])
