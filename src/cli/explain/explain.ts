/**
 * `hotreload explain`: what a change of each ConfigMap and Secret would do to a workload, and why; or what a change of one of them would do
 * to all that use it. Manifests are explained without a cluster.
 */
import { UserError } from '../../errors.ts'
import type { KubeClient } from '../../kube/client.ts'
import { builtInDefaults, type Defaults } from '../../policy/defaults.ts'
import { podTemplate, templateOwner } from '../../workload/pod-template.ts'
import type { QueryOptions } from '../shared/query-flags.ts'
import { type QueryIo, writeAnswer } from '../shared/query-output.ts'
import { printable } from '../shared/table.ts'
import { type Explanation, explain } from './explanation.ts'
import { sourceUsersText, workloadText } from './explanation-text.ts'
import { explainFiles } from './manifests.ts'
import { isSource, parseTargets, type Target } from './target.ts'

export interface ExplainQuestion {
  /** The values of `-f`; undefined: `targets` are given. */
  files: readonly string[] | undefined
  /** KIND/NAME, or a kind and names. */
  targets: readonly string[]
  /** Of `--policy`; undefined: the cluster's, or the built-in ones. */
  defaults: Defaults | undefined
}

/** A part of the answer. */
interface Explained {
  explanations: readonly Explanation[]
  /** For people. */
  asText(columns: number | undefined): string
}

/**
 * @returns the exit code: 0, or 1 with mistakes or an opt-in that does nothing
 * @throws UserError for an object or a file that can't be read
 */
export async function explainCommand(
  { files, targets, defaults }: ExplainQuestion,
  options: QueryOptions,
  io: QueryIo,
): Promise<number> {
  if ((files === undefined) === (targets.length === 0))
    throw new UserError('HR_BAD_FLAG', 'explain: needs -f FILE or KIND/NAME', 'give one of them')
  const mistakes: UserError[] = []
  const explained =
    files === undefined
      ? await explainLive(parseTargets(targets), defaults, options, io)
      : (
          await explainFiles(files, defaults ?? builtInDefaults, options, io, (one) => mistakes.push(one))
        ).map(ofWorkload)
  const explanations = explained.flatMap((one) => one.explanations)
  writeAnswer(io, options.output, { kind: 'ExplanationList', items: explanations }, (columns) =>
    explained.map((one) => one.asText(columns)).join('\n'),
  )
  for (const { message } of mistakes) io.stderr.write(`hotreload: ${printable(message)}\n`)
  return mistakes.length > 0 || explanations.some(({ problems }) => problems.length > 0) ? 1 : 0
}

const ofWorkload = (explanation: Explanation): Explained => ({
  explanations: [explanation],
  asText: (columns) => workloadText(explanation, columns),
})

async function explainLive(
  targets: readonly Target[],
  given: Defaults | undefined,
  options: QueryOptions,
  io: QueryIo,
): Promise<Explained[]> {
  const { clusterAccess } = await import('../shared/cluster-access.ts')
  const client = await clusterAccess(options, io.env)
  const defaults = given ?? (await policyOf(client, io))
  const { explainSource } = await import('./source-users.ts')
  const explained: Explained[] = []
  for (const target of targets)
    if (isSource(target)) {
      const users = await explainSource(client, target, defaults)
      explained.push({
        explanations: users.explanations,
        asText: (columns) => sourceUsersText(users, columns),
      })
    } else explained.push(ofWorkload(await explainWorkload(client, target, defaults)))
  return explained
}

/** The cluster's policy; a line of standard error says why it is not known. */
async function policyOf(client: KubeClient, { stderr }: QueryIo): Promise<Defaults> {
  const { readClusterPolicy } = await import('../installed/policy.ts')
  const { defaults, note, problem } = await readClusterPolicy(client)
  if (note !== undefined)
    stderr.write(`note: the cluster's policy file was not read (${note}); --policy FILE names one\n`)
  if (problem)
    stderr.write(
      `note: hotreload can't use the cluster's policy file: ${problem.message}; this answer is without it, while running replicas use the last good one\n`,
    )
  return defaults
}

async function explainWorkload(client: KubeClient, target: Target, defaults: Defaults): Promise<Explanation> {
  const { liveSurroundings, readObject } = await import('./live-object.ts')
  const object = await readObject(client, target)
  if (!podTemplate(object))
    throw new UserError(
      'HR_NO_OBJECT',
      `${target.kind} ${target.name} has no pod template`,
      `name ${templateOwner(object)}, and annotate that one`,
    )
  return explain(object, await liveSurroundings(client, object, defaults))
}
