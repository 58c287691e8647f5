/**
 * `hotreload approve`: publishes what the gates of a workload hold back or have reverted, whatever the validator says. It writes an annotation of each Pod, with
 * the user's own rights; the agents read it. The annotation names the content, so that the next edit is judged again.
 */
import { mapLimit } from '../async/map-limit.ts'
import { UserError } from '../errors.ts'
import type { KubeClient } from '../kube/client.ts'
import { writtenKey } from '../policy/annotations.ts'
import { builtInDefaults } from '../policy/defaults.ts'
import { enumerate } from '../policy/values/bounds.ts'
import { readObject, selectorOf } from './explain/live-object.ts'
import { parseTargets, type Target } from './explain/target.ts'
import { clusterAccess, refusal } from './shared/cluster-access.ts'
import type { QueryOptions } from './shared/query-flags.ts'
import type { QueryIo } from './shared/query-output.ts'
import type { AgentStatus } from './status/agents.ts'
import { readStatus } from './status/status.ts'

/** Not a name that begins with `kubectl`: Flux takes such managers' fields away. */
const FIELD_MANAGER = 'hotreload'

/** @throws UserError HR_NOTHING_HELD, and those of a cluster that can't be read or written */
export async function approveCommand(
  words: readonly string[],
  options: Omit<QueryOptions, 'output'>,
  io: Pick<QueryIo, 'stdout' | 'stderr' | 'env'>,
): Promise<number> {
  const [target, ...others] = parseTargets(words, 'approve')
  if (!target || others.length > 0)
    throw new UserError(
      'HR_BAD_FLAG',
      `approve: ${words.length} arguments`,
      'name one workload, e.g. deployment/web',
    )
  const client = await clusterAccess(options, io.env)
  const { approved, unanswered } = await approve(client, target, Date.now())
  for (const { pod, held } of approved)
    io.stdout.write(
      `approved in Pod ${pod}: ${held.map((one) => one.replace(/(@.{8}).*/, '$1')).join(' ')}\n`,
    )
  for (const { pod, note } of unanswered)
    io.stderr.write(`Pod ${pod} is left out, because its agent can't be asked what it holds: ${note}\n`)
  return unanswered.length > 0 ? 1 : 0
}

interface Approved {
  pod: string
  /** `VOLUME@HASH` */
  held: string[]
}

interface Approval {
  approved: Approved[]
  /** The rows of agents that may hold something. */
  unanswered: AgentStatus[]
}

export async function approve(client: KubeClient, target: Target, now: number): Promise<Approval> {
  const { namespace } = client
  const object = await readObject(client, target)
  const selector = selectorOf(object, builtInDefaults)
  const rows = selector === undefined ? [] : await readStatus(client, { namespace, selector }, now)
  const unanswered = rows.filter(({ state }) => state === 'unreachable')
  const byPod = Map.groupBy(rows, ({ pod }) => pod)
  const approved = [...byPod]
    .map(([pod, ofPod]): Approved => ({ pod, held: [...new Set(ofPod.flatMap(heldBy))] }))
    .filter(({ held }) => held.length > 0)
  if (approved.length === 0)
    throw new UserError(
      'HR_NOTHING_HELD',
      `no gate of ${target.kind} ${target.name} holds anything back${unanswered.length > 0 ? `; these Pods do not answer: ${enumerate(unanswered.map(({ pod }) => pod))}` : ''}`,
      'see hotreload status',
    )
  await mapLimit(approved, (one) => write(client, one))
  return { approved, unanswered }
}

/** Any program of the Pod may answer in the agent's place: nothing else goes into the annotation, or to a terminal. */
const heldBy = ({ volumes }: AgentStatus): string[] =>
  volumes.flatMap(({ name, held, reverted }) =>
    [held, reverted].flatMap((kept) =>
      kept && isName(name) && isHash(kept.sha256) ? [`${name}@${kept.sha256}`] : [],
    ),
  )

const isName = (text: string): boolean => /^[a-z0-9.-]{1,253}$/.test(text)
const isHash = (text: string): boolean => /^[0-9a-f]{64}$/.test(text)

async function write(client: KubeClient, { pod, held }: Approved): Promise<void> {
  const { namespace } = client
  const response = await client.call({
    method: 'PATCH',
    path: `/api/v1/namespaces/${namespace}/pods/${pod}?fieldManager=${FIELD_MANAGER}`,
    body: { metadata: { annotations: { [writtenKey('approve')]: held.join(',') } } },
    contentType: 'application/merge-patch+json',
  })
  if (response.status !== 200) throw refusal(response, `patch Pod ${pod} in namespace ${namespace}`)
}
