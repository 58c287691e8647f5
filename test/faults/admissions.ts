// Creates Pods without pause, and counts what became of each request. Nothing is stored, so that a node is not filled.
import type { KubeClient } from '../../src/kube/client.ts'
import { pause } from '../cluster/run.ts'

export interface Admissions {
  /** Created with an agent. */
  admitted: number
  /** Refused because the API server could not call the webhook, where the namespace requires injection. */
  lost: number
  /** Created without an agent. */
  uninjected: number
  /** The API server or etcd failed, and the webhook plays no part. */
  unanswered: number
}

const WORKERS = 2
const BETWEEN_MS = 20
/** Longer than the API server's own limit for a request. */
const TIMEOUT_MS = 70_000

/** @returns the counts, which grow until `signal` ends it; and what ends with the last request */
export function createPods(
  client: KubeClient,
  namespaces: readonly string[],
  pod: object,
  signal: AbortSignal,
): { counts: Admissions; done: Promise<unknown> } {
  const counts: Admissions = { admitted: 0, lost: 0, uninjected: 0, unanswered: 0 }
  const create = async (namespace: string): Promise<void> => {
    while (!signal.aborted) {
      const path = `/api/v1/namespaces/${namespace}/pods?dryRun=All`
      const call = { method: 'POST', path, body: pod, timeoutMilliseconds: TIMEOUT_MS } as const
      counts[outcomeOf(await client.call(call).catch(() => undefined))] += 1
      await pause(BETWEEN_MS)
    }
  }
  const workers = namespaces.flatMap((namespace) => Array.from({ length: WORKERS }, () => create(namespace)))
  return { counts, done: Promise.all(workers) }
}

function outcomeOf(answer: { status: number; body: unknown } | undefined): keyof Admissions {
  const { message = '', spec } = Object(answer?.body)
  if (answer?.status === 201) return hasAgent({ spec }) ? 'admitted' : 'uninjected'
  return String(message).includes('failed calling webhook') ? 'lost' : 'unanswered'
}

export const hasAgent = ({ spec }: { spec?: { initContainers?: { name: string }[] } }): boolean =>
  spec?.initContainers?.some(({ name }) => name === 'hotreload-agent') ?? false
