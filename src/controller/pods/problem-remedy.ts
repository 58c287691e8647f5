/** What a person does about a problem of an agent, with the real names. Pure. */
import type { V1Pod } from '@kubernetes/client-node'
import { gateContainerName } from '../../inject/gate.ts'
import { PREFIX, writtenKey } from '../../policy/annotations.ts'
import { parseJson, property } from '../../workload/json-object.ts'

/**
 * Which log says more, by the problem's code (agent/src/errors.rs). An agent shows no output of a validator or command in its report: it may hold
 * a Secret.
 */
const logOf = new Map<string, 'agent' | 'program'>([
  ['HR_VALIDATION_FAILED', 'agent'],
  ['HR_EXEC_FAILED', 'agent'],
  ['HR_UNCONFIRMED', 'program'],
  ['HR_KILLED', 'program'],
  ['HR_REVERTED', 'program'],
  ['HR_UNHEALTHY', 'program'],
  ['HR_HTTP_REFUSED', 'program'],
  ['HR_HTTP_FAILED', 'program'],
])

/** A command or a sentence; undefined: the problem says all itself. @param container that the agent serves */
export function remedyOf(pod: V1Pod, container: string, code: string): string | undefined {
  return code === 'HR_NO_PROCESS' ? CHECK_TARGET : logCommand(pod, container, code)
}

const CHECK_TARGET = `check ${['preset', 'process', 'signal'].map((key) => PREFIX + key).join(', ')}`

export function logCommand(
  { metadata, status: podStatus }: V1Pod,
  container: string,
  code: string,
): string | undefined {
  const log = logOf.get(code)
  if (!log || !metadata) return undefined
  const status = parseJson(metadata.annotations?.[writtenKey('status')] ?? '')
  const own = property(property(status, 'containers'), container)
  // A supervisor is the main process of the container itself.
  const agent = property(own, 'reload') === 'supervise' ? undefined : property(own, 'agent')
  // A Pod that waits at its gate has no agent yet.
  const isAtGate = podStatus?.phase === 'Pending' && property(own, 'gate') !== undefined
  const judge = isAtGate ? gateContainerName({ name: container }) : agent
  const from = log === 'agent' && typeof judge === 'string' ? judge : container
  return `kubectl logs -n ${metadata.namespace} ${metadata.name} -c ${from}`
}
