/** Reads KIND/NAME from the cluster, and finds out which of its sources hotreload could read. */

import { createConfigReader } from '../../api/config-reader.ts'
import { pathOf } from '../../api/paths.ts'
import { asObject } from '../../api/response-body.ts'
import { mapLimit } from '../../async/map-limit.ts'
import { UserError } from '../../errors.ts'
import type { KubeClient } from '../../kube/client.ts'
import type { Defaults } from '../../policy/defaults.ts'
import { sourceId } from '../../workload/checksum.ts'
import {
  groupOf,
  kindLabel,
  type TemplateKind,
  type TypeMeta,
  templateKindOf,
  templateKinds,
} from '../../workload/kinds.ts'
import { isLegalName } from '../../workload/object-name.ts'
import { type ApiObject, controller } from '../../workload/pod-template.ts'
import { type ConfigContent, type Unreadable } from '../../workload/source-content.ts'
import { refusal } from '../shared/cluster-access.ts'
import { readHasLabel } from '../shared/namespace-label.ts'
import { canServiceAccount } from '../shared/service-account.ts'
import { type Surroundings, sourcesOf } from './explanation.ts'

/** Names a workload, a Pod, or an object between them. */
type Target = TypeMeta & { name: string }

/**
 * KIND/NAME as kubectl reads it: a kind, plural or short name, and after a dot its group, or its version and group.
 * @throws UserError HR_BAD_FLAG for text that is not KIND/NAME of a kind with Pods
 */
export function parseTarget(text: string): Target {
  const [resource = '', name = '', ...more] = text.split('/')
  const [word = '', ...qualifier] = resource.toLowerCase().split('.')
  const found = templateKinds.find(
    (one) =>
      [one.kind.toLowerCase(), one.plural, ...one.shortNames].includes(word) &&
      isQualifiedBy(one, qualifier.join('.')),
  )
  if (found && isLegalName(name) && more.length === 0)
    return { apiVersion: found.apiVersion, kind: found.kind, name }
  throw new UserError(
    'HR_BAD_FLAG',
    `explain: ${JSON.stringify(text.slice(0, 100))} is not KIND/NAME`,
    `use e.g. deployment/web; kinds are ${templateKinds.map(kindLabel).join(', ')}`,
  )
}

/** A qualifier is `apps` or `v1.apps`; an empty one fits every row, so that the first row with the word wins. */
function isQualifiedBy({ apiVersion }: TemplateKind, qualifier: string): boolean {
  const versionAndGroup = apiVersion.split('/').toReversed().join('.')
  return ['', groupOf({ apiVersion }), versionAndGroup].includes(qualifier)
}

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
  const reader = createConfigReader(client)
  const contents = new Map<string, ConfigContent | Unreadable | undefined>()
  await mapLimit(sourcesOf(object, defaults), async (used) => {
    if (used.kind === 'ConfigMap') {
      const content = await reader.configMap(namespace, used.name)
      // What the user may not read, hotreload may still read.
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
    labelled: await readHasLabel(client, namespace),
  }
}
