/** A controller in this process, against the cluster of the test run, and workloads whose rollouts need no kubelet. */
import type { ApiCall, Listener } from '../../src/api/api.ts'
import { systemClock } from '../../src/async/clock.ts'
import { askAgent as askAgentOverHttp } from '../../src/cli/serve/agent-client.ts'
import { parseInstallKey } from '../../src/cli/serve/install-key.ts'
import { type CompatOptions, defaultCompatOptions } from '../../src/compat/request/options.ts'
import type { AskAgent } from '../../src/controller/pods/workload-pods.ts'
import { Reconciler } from '../../src/controller/reconciler.ts'
import type { RolloutLimits } from '../../src/controller/rollout/limiter.ts'
import { createClient, type KubeClient } from '../../src/kube/client.ts'
import { kubeconfigConnection } from '../../src/kube/connection.ts'
import { watchCollection } from '../../src/kube/informer.ts'
import { runLeaderElection } from '../../src/kube/leader-election.ts'
import { builtInDefaults } from '../../src/policy/defaults.ts'
import { cluster } from './kubectl.ts'
import { type ReportRecorder, recordReport } from './report-recorder.ts'
import { until } from './until.ts'

export interface TestController extends Pick<ReportRecorder, 'lines' | 'events' | 'isLeading'> {
  stop: () => Promise<void>
  rolloutsInProgress: () => number
  isReady: () => boolean
  client: KubeClient
  /** Calls for which it lacked the right. */
  denied: readonly string[]
  /** Milliseconds since its last request ended, without requests for its Lease; 0 during a request. */
  restsFor: () => number
}

export interface TestControllerOptions {
  compat?: Partial<CompatOptions>
  limits?: RolloutLimits
  /** Kubeconfig of another user. */
  kubeconfig?: string
  evictUninjected?: boolean
  /** Answers for the agents, by the address of their Pod. */
  askAgent?: AskAgent
  watchNamespaces?: readonly string[]
  /** It sees these namespaces only, on a cluster that others use at the same time. */
  only?: readonly string[]
}

/** @param own the namespace of its Lease and baselines, as each install has one */
export async function startTestController(
  own: string,
  {
    compat,
    limits,
    evictUninjected,
    askAgent = askAgentOverHttp,
    watchNamespaces,
    only,
    kubeconfig = cluster().kubeconfig,
  }: TestControllerOptions = {},
): Promise<TestController> {
  const connection = { ...(await kubeconfigConnection(kubeconfig, own)), namespace: own }
  const client = createClient(connection)
  const { observed, denied, restsFor } = observeCalls(client)
  const { report, lines, events, isLeading } = recordReport()
  const controller = new Reconciler({
    api: observed,
    watchCollection: (collection, listener) =>
      watchCollection(observed, collection, only ? within(only, listener) : listener),
    clock: systemClock,
    report,
    elect: (onChange) =>
      runLeaderElection(client, { name: 'hotreload-controller', identity: crypto.randomUUID() }, onChange),
    defaults: () => builtInDefaults,
    installKey: () => parseInstallKey('ab'.repeat(32)),
    compat: { ...defaultCompatOptions, ...compat },
    limits: limits ?? { total: 0, perNamespace: 0 },
    askAgent,
    evictUninjected: evictUninjected ?? false,
    watchNamespaces,
  })
  controller.start()
  return {
    stop: () => controller.stop(),
    rolloutsInProgress: () => controller.rolloutsInProgress(),
    isReady: () => controller.notReady() === undefined,
    lines,
    events,
    isLeading,
    client,
    denied,
    restsFor,
  }
}

/** The client, which records when its calls end, and those that the API server refused. */
function observeCalls(
  client: KubeClient,
): { observed: KubeClient } & Pick<TestController, 'denied' | 'restsFor'> {
  const denied: string[] = []
  let inProgress = 0
  let endedAt = Date.now()
  const counted = async <T extends { status: number }>(
    { method, path }: Pick<ApiCall, 'method' | 'path'>,
    request: Promise<T>,
  ): Promise<T> => {
    inProgress += 1
    try {
      const response = await request
      if (response.status === 403) denied.push(`${method} ${path}`)
      return response
    } finally {
      inProgress -= 1
      endedAt = Date.now()
    }
  }
  return {
    observed: {
      ...client,
      call: (call) => counted(call, client.call(call)),
      stream: (call, signal) => counted(call, client.stream(call, signal)),
    },
    denied,
    restsFor: () => (inProgress > 0 ? 0 : Date.now() - endedAt),
  }
}

function within(namespaces: readonly string[], listener: Listener): Listener {
  const sees = (namespace: string | undefined, name: string | undefined) =>
    namespaces.includes(namespace || (name ?? ''))
  return {
    listed: () => listener.listed(),
    refused: (...why) => listener.refused(...why),
    changed(object) {
      if (sees(object.metadata?.namespace, object.metadata?.name)) listener.changed(object)
    },
    removed(namespace, name) {
      if (sees(namespace, name)) listener.removed(namespace, name)
    },
  }
}

export const leads = (controller: TestController): Promise<boolean> =>
  until('the controller leads', () => controller.isLeading() && controller.isReady())

/** Waits until the controller leads and has reconciled all present objects: it notices every later change. */
export async function settled(controller: TestController): Promise<void> {
  await leads(controller)
  await until('the controller is at rest', () => controller.restsFor() > 1_500)
}

/** Without replicas, a rollout is complete as soon as the Deployment controller has processed it. */
export function deployment(
  name: string,
  {
    metadata,
    template,
    env = ['conf'],
    replicas = 0,
  }: {
    metadata?: Record<string, string>
    template?: Record<string, string>
    /** ConfigMaps used as environment. */
    env?: string[]
    replicas?: number
  } = {},
) {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, annotations: metadata ?? { 'hotreload.dev/inject': 'true' } },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name }, ...(template ? { annotations: template } : {}) },
        spec: {
          containers: [
            {
              name: 'app',
              image: 'localhost/none:1',
              envFrom: env.map((one) => ({ configMapRef: { name: one } })),
            },
          ],
        },
      },
    },
  }
}

export const configMap = (name: string, data: Record<string, string>, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...metadata },
  data,
})
