/** KIND/NAME from the cluster, and what hotreload could read of what it uses. */

import { createConfigReader } from '../../api/config-reader.ts'
import { pathOf } from '../../api/paths.ts'
import { mapLimit } from '../../async/map-limit.ts'
import { UserError } from '../../errors.ts'
import type { KubeClient } from '../../kube/client.ts'
import type { Defaults } from '../../policy/defaults.ts'
import { sourceId } from '../../workload/checksum.ts'
import { isLegalName } from '../../workload/object-name.ts'
import { type ApiObject, controller, workloadKinds } from '../../workload/pod-template.ts'
import { type ConfigContent, type Unreadable } from '../../workload/source-content.ts'
import { refusal } from '../shared/cluster-access.ts'
import { isLabelled } from '../shared/labelled.ts'
import { canServiceAccount } from '../shared/service-account.ts'
import { type Surroundings, sourcesOf } from './explanation.ts'

/** As kubectl takes them; the plural and the kind itself as well. */
const shortNames: Readonly<Record<string, string>> = {
  deploy: 'Deployment',
  sts: 'StatefulSet',
  ds: 'DaemonSet',
  cj: 'CronJob',
  rs: 'ReplicaSet',
  po: 'Pod',
}
const kinds = [...workloadKinds, 'ReplicaSet', 'Pod'] as const

/** @throws UserError HR_BAD_FLAG for text that is not KIND/NAME of a kind with Pods */
export function parseTarget(text: string): { kind: string; name: string } {
  const [word = '', name = '', ...more] = text.split('/')
  const asked = word.split('.')[0]?.toLowerCase() ?? ''
  const kind =
    shortNames[asked] ?? kinds.find((one) => [one.toLowerCase(), `${one.toLowerCase()}s`].includes(asked))
  if (kind !== undefined && isLegalName(name) && more.length === 0) return { kind, name }
  throw new UserError(
    'HR_BAD_FLAG',
    `explain: ${JSON.stringify(text.slice(0, 100))} is not KIND/NAME`,
    `use e.g. deployment/web; kinds are ${kinds.join(', ')}`,
  )
}

/** A Pod's owner's owner is as far as it goes: Pod, ReplicaSet, Deployment. */
const MAX_OWNERS = 3

/**
 * The object that decides: of a Pod that a workload made, the workload.
 * @throws UserError HR_NO_OBJECT, HR_FORBIDDEN, HR_UNREACHABLE
 */
export async function readObject(
  client: KubeClient,
  { kind, name }: { kind: string; name: string },
  owners = MAX_OWNERS,
): Promise<ApiObject> {
  const { namespace } = client
  const path =
    kind === 'Pod'
      ? `/api/v1/namespaces/${namespace}/pods/${name}`
      : kind === 'ReplicaSet'
        ? `/apis/apps/v1/namespaces/${namespace}/replicasets/${name}`
        : pathOf({ kind, namespace, name })
  const response = await client.call({ method: 'GET', path })
  if (response.status !== 200) throw refusal(response, `get ${kind} ${name} in namespace ${namespace}`)
  const object = response.body as ApiObject
  const owner = controller(object.metadata)
  const known = owner && kinds.some((one) => one === owner.kind)
  return known && owners > 0 ? readObject(client, owner, owners - 1) : object
}

/** Reads with the user's rights; Secrets not at all: only whether hotreload may is of interest. */
export async function liveSurroundings(
  client: KubeClient,
  object: ApiObject,
  defaults: Defaults,
): Promise<Surroundings> {
  const namespace = object.metadata?.namespace ?? client.namespace
  const reader = createConfigReader(client)
  const contents = new Map<string, ConfigContent | Unreadable | undefined>()
  await mapLimit(sourcesOf(object, defaults), async (used) => {
    if (used.kind === 'ConfigMap') {
      const content = await reader.configMap(namespace, used.name)
      // What the user may not read hotreload may.
      const known = content !== 'forbidden' && content !== 'unavailable'
      contents.set(sourceId(used), known ? content : undefined)
    } else {
      const may = await canServiceAccount(client, {
        verb: 'get',
        resource: 'secrets',
        namespace,
        name: used.name,
      })
      contents.set(sourceId(used), may === false ? 'forbidden' : undefined)
    }
  })
  return {
    defaults,
    content: (used) => contents.get(sourceId(used)),
    labelled: await isLabelled(client, namespace),
  }
}
