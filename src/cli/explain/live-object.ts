/** Reads a workload from the cluster, which of its sources hotreload could read, and whether its Pods have agents. */

import type { V1Pod } from '@kubernetes/client-node'
import { createConfigReader } from '../../api/config-reader.ts'
import { listAll } from '../../api/list.ts'
import { pathOf } from '../../api/paths.ts'
import { asObject } from '../../api/response-body.ts'
import { mapLimit } from '../../async/map-limit.ts'
import { defaultCompatOptions } from '../../compat/request/options.ts'
import { summarize } from '../../controller/decide/workload-summary.ts'
import type { KubeClient } from '../../kube/client.ts'
import type { Defaults } from '../../policy/defaults.ts'
import { sourceId, type UsedKeys } from '../../workload/checksum.ts'
import { property } from '../../workload/json-object.ts'
import { templateKindOf } from '../../workload/kinds.ts'
import { type ApiObject, controller } from '../../workload/pod-template.ts'
import { isInjected } from '../../workload/references.ts'
import { type ConfigContent, type Unreadable } from '../../workload/source-content.ts'
import { readIsWatched } from '../installed/watched-namespaces.ts'
import { refusal } from '../shared/cluster-access.ts'
import { readHasLabel } from '../shared/namespace-label.ts'
import { canServiceAccount } from '../shared/service-account.ts'
import { type RunningPods, type Surroundings, sourcesOf } from './explanation.ts'
import type { Target } from './target.ts'

/** Enough for the longest chain of owners: Pod, ReplicaSet, Deployment. */
const MAX_OWNERS = 3

/**
 * Reads the object, or the workload that owns it.
 * @throws UserError HR_NO_OBJECT, HR_FORBIDDEN, HR_UNREACHABLE
 */
export async function readObject(
  client: KubeClient,
  target: Target,
  owners = MAX_OWNERS,
): Promise<ApiObject> {
  const { namespace } = client
  const response = await client.call({ method: 'GET', path: pathOf({ ...target, namespace }) })
  if (response.status !== 200)
    throw refusal(response, `get ${target.kind} ${target.name} in namespace ${namespace}`)
  const object = asObject(response.body)
  const owner = controller(object.metadata)
  return owner && templateKindOf(owner) && owners > 0 ? readObject(client, owner, owners - 1) : object
}

/** Reads ConfigMaps with the user's rights. It reads no Secret, and only asks whether hotreload may. */
export async function liveSurroundings(
  client: KubeClient,
  object: ApiObject,
  defaults: Defaults,
): Promise<Surroundings> {
  const namespace = object.metadata?.namespace ?? client.namespace
  const [content, labelled, isWatched, pods] = await Promise.all([
    readContents(client, namespace, sourcesOf(object, defaults)),
    readHasLabel(client, namespace),
    readIsWatched(client, namespace),
    readPods(client, object, defaults),
  ])
  return { defaults, content, labelled, isWatched, isLive: true, ...(pods ? { pods } : {}) }
}

/** What each of the sources holds; undefined for what is not known. */
export async function readContents(
  client: KubeClient,
  namespace: string,
  sources: readonly UsedKeys[],
): Promise<Surroundings['content']> {
  const reader = createConfigReader(client)
  const contents = new Map<string, ConfigContent | Unreadable | undefined>()
  await mapLimit(sources, async (used) => {
    if (used.kind === 'ConfigMap') {
      const content = await reader.configMap(namespace, used.name)
      // What the user may not read, hotreload may still read.
      const known = content !== 'forbidden' && content !== 'unavailable'
      contents.set(sourceId(used), known ? content : undefined)
    } else {
      const right = { verb: 'get', resource: 'secrets', namespace, name: used.name }
      const may = await canServiceAccount(client, right)
      contents.set(sourceId(used), may === false ? 'forbidden' : undefined)
    }
  })
  return (used) => contents.get(sourceId(used))
}

/** Undefined: the workload has no Pods of its own, or they may not be listed. */
export async function readPods(
  client: KubeClient,
  object: ApiObject,
  defaults: Defaults,
): Promise<RunningPods | undefined> {
  const namespace = object.metadata?.namespace ?? client.namespace
  const pods: readonly PodObject[] | undefined =
    object.kind === 'Pod' ? [object] : await listPods(client, namespace, selectorOf(object, defaults))
  const running = pods?.filter(
    ({ metadata, status }) => !metadata?.deletionTimestamp && property(status, 'phase') === 'Running',
  )
  return (
    running && { running: running.length, withoutAgent: running.filter((pod) => !isInjected(pod)).length }
  )
}

/** A Pod as the list of Pods and the answer to a GET have it. */
type PodObject = ApiObject & Pick<V1Pod, 'spec'>

/** Only of an opted-in workload: nobody asks about the Pods of another. */
export const selectorOf = (object: ApiObject, defaults: Defaults): string | undefined =>
  summarize(object, { defaults, compat: defaultCompatOptions })?.selector

async function listPods(client: KubeClient, namespace: string, selector: string | undefined) {
  if (selector === undefined) return undefined
  const path = `/api/v1/namespaces/${namespace}/pods?labelSelector=${encodeURIComponent(selector)}`
  const listed = await listAll<PodObject>(client, path)
  return Array.isArray(listed) ? listed : undefined
}
