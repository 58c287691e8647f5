/** Reads the objects that `hotreload doctor` checks. Each that the user may not read gives a reason; the others are read all the same. */
import { text } from 'node:stream/consumers'
import type { V1Deployment, V1MutatingWebhookConfiguration, V1Node, V1Pod } from '@kubernetes/client-node'
import type { ApiResponse } from '../../api/api.ts'
import { listAll } from '../../api/list.ts'
import { collectionOf, pathWithin } from '../../api/paths.ts'
import { asObject } from '../../api/response-body.ts'
import { mapLimit } from '../../async/map-limit.ts'
import type { KubeClient } from '../../kube/client.ts'
import { type WorkloadKind, workloadKinds } from '../../workload/kinds.ts'
import type { ApiObject } from '../../workload/pod-template.ts'
import { readClusterPolicy } from '../installed/policy.ts'
import { refusal } from '../shared/cluster-access.ts'
import { CONTROLLER_NAME, INSTALL_NAME, INSTALL_NAMESPACE } from '../shared/install-names.ts'
import { canServiceAccount, type ServiceAccount } from '../shared/service-account.ts'
import { statusOfPods } from '../status/status.ts'
import { found, type Lookup } from './finding.ts'
import { type ReplicaReport, readReport } from './install.ts'
import { type Part, type RightsScope, rightsNeeded } from './rights.ts'
import { trialPod } from './trial.ts'

const METRICS_TIMEOUT_MILLISECONDS = 5_000

export type ClusterReader = ReturnType<typeof createClusterReader>

/** @param namespace the one of workloads and Pods; undefined: all */
export function createClusterReader(
  client: KubeClient,
  namespace: string | undefined,
  show: (text: string) => void,
) {
  /** Undefined: it does not exist. */
  async function get<T>(path: string, what: string): Promise<Lookup<T | undefined>> {
    const response = await client.call({ method: 'GET', path })
    if (response.status === 404) return found(undefined)
    return response.status === 200 ? found(response.body as T) : denied(response, `get ${what}`)
  }
  async function list<T extends ApiObject>(path: string, what: string): Promise<Lookup<T[]>> {
    const listed = await listAll<T>(client, path, (count) => show(`listing ${what}: ${count}`))
    if (Array.isArray(listed)) return found(listed)
    // The cluster does not have the kind.
    return listed.status === 404 ? found([]) : denied(listed, `list ${what}`)
  }
  let served: Promise<WorkloadKind[]> | undefined
  const servedKinds = (): Promise<WorkloadKind[]> => (served ??= readServedKinds(client))
  const inNamespace = (path: string): string => (namespace === undefined ? path : pathWithin(path, namespace))

  return {
    async version(): Promise<string> {
      const response = await client.call({ method: 'GET', path: '/version' })
      if (response.status !== 200) throw refusal(response, 'get the version')
      return String(asObject(response.body)['gitVersion'])
    },
    configuration: () =>
      get<V1MutatingWebhookConfiguration>(
        `/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/${INSTALL_NAME}`,
        `mutatingwebhookconfigurations/${INSTALL_NAME}`,
      ),
    deployment: (install: string, part: Part) =>
      get<V1Deployment>(
        `/apis/apps/v1/namespaces/${install}/deployments/${nameOf[part]}`,
        `deployments/${nameOf[part]} in namespace ${install}`,
      ),
    async replicaReports(install: string): Promise<Lookup<ReplicaReport[]>> {
      const path = `/api/v1/namespaces/${install}/pods?labelSelector=app.kubernetes.io%2Fname%3D${INSTALL_NAME}`
      const pods = await list<ApiObject & V1Pod>(path, `pods in namespace ${install}`)
      if ('denied' in pods) return pods
      // A leaving Pod has closed its port.
      const running = pods.value.filter(
        ({ metadata, status }) => status?.phase === 'Running' && !metadata?.deletionTimestamp,
      )
      return found(await mapLimit(running, (pod) => reportOf(client, pod)))
    },
    /** The rights that a part's ServiceAccount lacks. */
    async missingRights(part: Part, account: ServiceAccount, scope: Omit<RightsScope, 'kinds'>) {
      const needed = rightsNeeded(part, account, { ...scope, kinds: await servedKinds() })
      const answers = await mapLimit(needed, ({ right }) => canServiceAccount(client, right, account))
      if (answers.includes(undefined))
        return { denied: 'you may not create subjectaccessreviews' } satisfies Lookup<never>
      return found(needed.filter((_, index) => answers[index] === false))
    },
    trial: (where: string): Promise<ApiResponse> =>
      client.call({ method: 'POST', path: `/api/v1/namespaces/${where}/pods?dryRun=All`, body: trialPod }),
    nodes: () => list<ApiObject & V1Node>('/api/v1/nodes', 'nodes'),
    async namespaces(): Promise<Lookup<ApiObject[]>> {
      if (namespace === undefined) return list('/api/v1/namespaces', 'namespaces')
      const one = await get<ApiObject>(`/api/v1/namespaces/${namespace}`, `namespace ${namespace}`)
      if ('denied' in one) return one
      return one.value ? found([one.value]) : { denied: `namespace ${namespace} does not exist` }
    },
    deployments: () =>
      list<ApiObject & V1Deployment>(inNamespace('/apis/apps/v1/deployments'), 'deployments'),
    async workloads(): Promise<Lookup<ApiObject[]>> {
      const lists = await mapLimit(await servedKinds(), (one) =>
        list(inNamespace(collectionOf(one).path), one.plural),
      )
      const denied = lists.flatMap((one) => ('denied' in one ? [one.denied] : []))
      if (denied.length > 0) return { denied: denied.join(', ') }
      return found(lists.flatMap((one) => ('value' in one ? one.value : [])))
    },
    pods: () => list<ApiObject & V1Pod>(inNamespace('/api/v1/pods'), 'pods'),
    policy: (install: string) => readClusterPolicy(client, install),
    agents: (pods: readonly (ApiObject & V1Pod)[], now: number) => statusOfPods(client, pods, now, show),
    /** Whether all `accounts` may read the Secrets of each namespace; undefined: the user may not check that. */
    async readableSecrets(namespaces: Iterable<string>, accounts: readonly ServiceAccount[]) {
      const names = [...namespaces]
      const answers = await mapLimit(names, async (one) => {
        const right = { verb: 'get', resource: 'secrets', namespace: one }
        const may = await mapLimit(accounts, (account) => canServiceAccount(client, right, account))
        return may.includes(undefined) ? undefined : !may.includes(false)
      })
      return new Map(names.map((name, index) => [name, answers[index]]))
    },
  }
}

/** The kinds of workload that the cluster has. Every user may read an API's description (ClusterRole system:discovery). */
async function readServedKinds(client: KubeClient): Promise<WorkloadKind[]> {
  const areServed = await mapLimit(workloadKinds, async ({ apiVersion, isCustom }) => {
    if (!isCustom) return true
    const { status } = await client.call({ method: 'GET', path: `/apis/${apiVersion}` })
    return status !== 404
  })
  return workloadKinds.filter((_, index) => areServed[index])
}

/** The namespace of the install. */
export function installNamespace(configuration: Lookup<V1MutatingWebhookConfiguration | undefined>): string {
  const service =
    'value' in configuration ? configuration.value?.webhooks?.[0]?.clientConfig.service : undefined
  return service?.namespace ?? INSTALL_NAMESPACE
}

/** Of the part's Deployment, and of its ServiceAccount where the Deployment does not say. */
export const nameOf: Record<Part, string> = { webhook: INSTALL_NAME, controller: CONTROLLER_NAME }

/** The name of a part's ServiceAccount. */
export function accountName(part: Part, deployment: Lookup<V1Deployment | undefined>): string {
  const spec = 'value' in deployment ? deployment.value?.spec?.template.spec : undefined
  return spec?.serviceAccountName ?? nameOf[part]
}

const denied = (response: ApiResponse, what: string): { denied: string } => ({
  denied: response.status === 403 ? `you may not ${what}` : refusal(response, what).message,
})

/** Read from the replica's metrics, through the API server's proxy. */
async function reportOf(client: KubeClient, { metadata, spec }: V1Pod): Promise<ReplicaReport> {
  const { namespace, name = '' } = metadata ?? {}
  const ports = spec?.containers.flatMap((container) => container.ports ?? []) ?? []
  const port = ports.find((one) => one.name === 'metrics')?.containerPort ?? 8080
  const path = `/api/v1/namespaces/${namespace}/pods/${name}:${port}/proxy/metrics`
  try {
    const { status, parts } = await client.stream(
      { method: 'GET', path },
      AbortSignal.timeout(METRICS_TIMEOUT_MILLISECONDS),
    )
    const metrics = await text(parts)
    return status === 200 ? readReport(name, metrics) : { pod: name }
  } catch {
    return { pod: name }
  }
}
