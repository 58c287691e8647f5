/** Pods of one Deployment and their agents, as the controller sees them: the API server and each /status answer from a table. */
import type { V1ContainerStatus, V1Pod, V1PodSpec } from '@kubernetes/client-node'
import type { Api } from '../../src/api/api.ts'
import type { Workload } from '../../src/controller/cache/workloads.ts'
import { createWorkloadStates } from '../../src/controller/workload-state.ts'
import { FIRST_PORT } from '../../src/inject/agent-flags.ts'
import { keys, nginx, podSpec } from './builders.ts'
import { KEY, workloadOf } from './summaries.ts'

export interface PodWithAgent {
  ready: boolean
  /** undefined: the agent does not answer. */
  report: unknown
  /** RFC 3339; undefined: long ago. */
  createdAt?: string
  /** Its `pod-template-hash`. */
  template?: string
  terminates?: boolean
  /** When its container started, as `createdAt`. */
  startedAt?: string
  /** Its status annotation; undefined: container `web` has an agent. */
  status?: string
  /** What its agent left as termination message, before the app could start. */
  failedToStart?: string
}

/** The status annotation of a Pod whose containers have agents, with a gate each if `gate` says what it does. */
export const withAgents = (containers: readonly string[], gate?: object): string =>
  JSON.stringify({
    containers: Object.fromEntries(
      containers.map((name) => [name, { agent: 'hotreload-agent', ...(gate ? { gate } : {}) }]),
    ),
  })

export const AGENT_TIME = '2026-01-01T00:00:01.000Z'
/** An agent's report of a problem. */
export const agentReport = (state: string, code: string, message: string, at = AGENT_TIME) => ({
  container: 'web',
  state,
  error: { code, message, at },
})

/** An agent's report of its volumes, by their names: when each was loaded, in milliseconds since 1970; 0: before the agent's start. */
export const volumesReport = (state: string, loadedAt: Record<string, number>) => ({
  container: 'web',
  state,
  error: null,
  volumes: Object.entries(loadedAt).map(([name, at]) => ({
    name,
    ...(at > 0 ? { loadedAt: new Date(at).toISOString() } : {}),
  })),
})

/** nginx with ConfigMap `web` in volume `conf` and ConfigMap `other` in volume `more`. */
const twoVolumes = podSpec({
  containers: [
    nginx({
      volumeMounts: [
        { name: 'conf', mountPath: '/etc/nginx/conf.d' },
        { name: 'more', mountPath: '/etc/nginx/more' },
      ],
    }),
  ],
  volumes: [
    { name: 'conf', configMap: { name: 'web' } },
    { name: 'more', configMap: { name: 'other' } },
  ],
})

const phaseOf = (message: string | undefined): V1Pod['status'] =>
  message === undefined
    ? { phase: 'Running' }
    : {
        phase: 'Pending',
        initContainerStatuses: [
          {
            name: 'hotreload-agent',
            image: '',
            imageID: '',
            ready: false,
            restartCount: 3,
            state: { waiting: { reason: 'CrashLoopBackOff' } },
            lastState: { terminated: { exitCode: 1, message } },
          },
        ],
      }

/** A Pod's name is its address, too. */
export function podsWithAgents(
  names: readonly string[],
  annotations: Record<string, string>,
  spec: V1PodSpec = twoVolumes,
) {
  const pods = new Map<string, PodWithAgent>(names.map((name) => [name, { ready: true, report: undefined }]))
  /** Pods in the order in which they were nudged. */
  const nudged: string[] = []
  const podOf = (name: string): V1Pod => ({
    metadata: {
      name,
      namespace: 'shop',
      uid: name,
      creationTimestamp: pods.get(name)?.createdAt as unknown as Date,
      annotations: keys({ status: pods.get(name)?.status ?? withAgents(['web']) }),
      labels: { 'pod-template-hash': pods.get(name)?.template ?? '1' },
      ...(pods.get(name)?.terminates ? { deletionTimestamp: new Date(0) } : {}),
    },
    status: {
      ...phaseOf(pods.get(name)?.failedToStart),
      podIP: name,
      containerStatuses: [
        {
          name: 'web',
          state: { running: { startedAt: pods.get(name)?.startedAt as unknown as Date } },
        } as V1ContainerStatus,
      ],
      conditions: [{ type: 'Ready', status: pods.get(name)?.ready ? 'True' : 'False' }],
    },
  })
  const api: Api = {
    namespace: 'hotreload-system',
    async call({ method, path }) {
      const name = path.split('/').at(-1) ?? ''
      const query = new URL(path, 'http://localhost').searchParams
      if (query.has('labelSelector')) {
        const from = Number(query.get('continue') ?? 0)
        const until = from + (Number(query.get('limit')) || pods.size)
        const metadata = until < pods.size ? { continue: String(until) } : {}
        return { status: 200, body: { metadata, items: [...pods.keys()].slice(from, until).map(podOf) } }
      }
      if (method === 'PATCH') nudged.push(name)
      return { status: 200, body: podOf(name) }
    },
  }
  let known: Workload | undefined = workloadOf({
    template: keys({ inject: 'true', ...annotations }),
    spec,
    fields: { selector: { matchLabels: { app: 'web' } } },
  })
  const states = createWorkloadStates({ now: Date.now })
  return {
    pods,
    nudged,
    api,
    /** A report of several agents is a list of them, in the order of their ports. */
    askAgent: async (ip: string, port: number): Promise<unknown> => {
      const report = pods.get(ip)?.report
      return Array.isArray(report) ? report[port - FIRST_PORT] : report
    },
    workloads: { get: (key: string) => (key === KEY ? known : undefined) },
    stateOf: (key: string) => states.of(key),
    removeWorkload: () => (known = undefined),
    gatesAsked: () => {},
  }
}
