/** Finds who uses a ConfigMap or Secret in the cluster, and what a change of it does to each. */
import { listAll } from '../../api/list.ts'
import { collectionOf, pathWithin } from '../../api/paths.ts'
import { mapLimit } from '../../async/map-limit.ts'
import type { KubeClient } from '../../kube/client.ts'
import { PREFIX } from '../../policy/annotations.ts'
import type { Defaults } from '../../policy/defaults.ts'
import { sourceId, type UsedKeys } from '../../workload/checksum.ts'
import { templateKinds } from '../../workload/kinds.ts'
import { type ApiObject, controller, podTemplate } from '../../workload/pod-template.ts'
import { references, type Source } from '../../workload/references.ts'
import { readIsWatched } from '../installed/watched-namespaces.ts'
import { refusal } from '../shared/cluster-access.ts'
import { readHasLabel } from '../shared/namespace-label.ts'
import { type Change, isAsEver } from './change.ts'
import { type Explanation, explain } from './explanation.ts'
import { readContents, readPods } from './live-object.ts'
import { followedSources } from './other-tools.ts'
import type { Target } from './target.ts'

export interface SourceUsers {
  source: Source
  namespace: string
  /** It is not there, though its users name it. Of a Secret that is not known: nobody reads one. */
  isAbsent: boolean
  /** One for each workload and bare Pod that uses it, with the changes of this source only. */
  explanations: Explanation[]
}

/** @throws UserError HR_FORBIDDEN */
export async function explainSource(
  client: KubeClient,
  { kind, name }: Target,
  defaults: Defaults,
): Promise<SourceUsers> {
  const source: Source = { kind: kind === 'Secret' ? 'Secret' : 'ConfigMap', name }
  const { namespace } = client
  const wanted: UsedKeys = { ...source, optional: true }
  const [content, labelled, isWatched, objects] = await Promise.all([
    readContents(client, namespace, [wanted]),
    readHasLabel(client, namespace),
    readIsWatched(client, namespace),
    readObjects(client, namespace),
  ])
  const users = objects.filter((object) => uses(object, source) || follows(object, source, defaults))
  const explanations = await mapLimit(users, async (object) => {
    const pods = await readPods(client, object, defaults)
    const around = { defaults, content, labelled, isWatched, isLive: true, ...(pods ? { pods } : {}) }
    return about(source, explain(object, around), follows(object, source, defaults))
  })
  return { source, namespace, isAbsent: content(wanted) === 'absent', explanations }
}

/** The workloads and Pods of users: those of a controller follow their owner. */
async function readObjects(client: KubeClient, namespace: string): Promise<ApiObject[]> {
  const lists = await mapLimit(templateKinds, async (one) => {
    const listed = await listAll(client, pathWithin(collectionOf(one).path, namespace))
    if (Array.isArray(listed)) return listed
    // The cluster does not have the kind.
    if (listed.status === 404) return []
    throw refusal(listed, `list ${one.plural} in namespace ${namespace}`)
  })
  return lists.flat().filter(({ metadata }) => !controller(metadata))
}

const uses = (object: ApiObject, { kind, name }: Source): boolean =>
  references(podTemplate(object)?.spec ?? { containers: [] }).some(
    (one) => one.kind === kind && one.name === name,
  )

/** Whether another tool's annotations name it. */
const follows = (object: ApiObject, { kind, name }: Source, defaults: Defaults): boolean =>
  followedSources(object, defaults).some(({ use }) => use.kind === kind && use.name === name)

/** What an explanation says about one source, as it is: without an opt-in a change does nothing, except by another tool's annotations. */
function about(source: Source, explanation: Explanation, isFollowed: boolean): Explanation {
  const changes = explanation.changes.filter((one) => one.source === sourceId(source))
  return {
    ...explanation,
    changes: explanation.optedIn ? changes : changes.map((one) => asItIs(one, isFollowed)),
  }
}

function asItIs(change: Change, isFollowed: boolean): Change {
  if (isAsEver(change.outcome)) return change
  return isFollowed
    ? { ...change, outcome: 'rolled out', how: 'annotations of another tool, which hotreload follows' }
    : {
        ...change,
        outcome: 'nothing',
        how: `not opted in; with ${PREFIX}inject: "true" it would be ${change.outcome}: ${change.how}`,
      }
}
