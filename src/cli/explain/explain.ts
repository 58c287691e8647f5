/**
 * `hotreload explain`: what a change of each ConfigMap and Secret would do to a workload, and why. Manifests are explained without a
 * cluster.
 */

import { UserError } from '../../errors.ts'
import { PREFIX } from '../../policy/annotations.ts'
import type { Defaults } from '../../policy/defaults.ts'
import { isObject } from '../../workload/json-object.ts'
import { type ApiObject, podTemplate } from '../../workload/pod-template.ts'
import { contentOf } from '../../workload/source-content.ts'
import { mistypedAnnotations } from '../shared/annotation-text.ts'
import { malformed, mapObjects, withoutNulls } from '../shared/manifest.ts'
import type { QueryOptions } from '../shared/query-flags.ts'
import { type QueryIo, writeAnswer } from '../shared/query-output.ts'
import { readManifests } from '../shared/read-manifests.ts'
import { formatTable, printable } from '../shared/table.ts'
import { type Explanation, explain, type Surroundings } from './explanation.ts'

export interface ExplainQuestion {
  /** The values of `-f`; undefined: `target` is given. */
  files: readonly string[] | undefined
  /** KIND/NAME */
  target: string | undefined
  defaults: Defaults
}

/**
 * @returns the exit code: 0, or 1 with mistakes or an opt-in that does nothing
 * @throws UserError for an object or a file that can't be read
 */
export async function explainCommand(
  question: ExplainQuestion,
  options: QueryOptions,
  io: QueryIo,
): Promise<number> {
  const { files, target } = question
  if ((files === undefined) === (target === undefined))
    throw new UserError('HR_BAD_FLAG', 'explain: needs -f FILE or KIND/NAME', 'give one of them')
  const mistakes: UserError[] = []
  const explanations =
    target === undefined
      ? await explainFiles(files ?? [], question.defaults, options, io, (one) => mistakes.push(one))
      : await explainLive(target, question.defaults, options, io)
  writeAnswer(io, options.output, explanations, (columns) =>
    explanations.map((one) => asText(one, columns)).join('\n'),
  )
  for (const { message } of mistakes) io.stderr.write(`hotreload: ${message}\n`)
  return mistakes.length > 0 || explanations.some(({ problems }) => problems.length > 0) ? 1 : 0
}

async function explainLive(
  target: string,
  defaults: Defaults,
  options: QueryOptions,
  io: QueryIo,
): Promise<Explanation[]> {
  const { liveSurroundings, parseTarget, readObject } = await import('./live-object.ts')
  const wanted = parseTarget(target)
  const { clusterAccess } = await import('../shared/cluster-access.ts')
  const client = await clusterAccess(options, io.env)
  const object = await readObject(client, wanted)
  if (!podTemplate(object))
    throw new UserError('HR_NO_OBJECT', `${target} has no pod template`, 'name the workload it refers to')
  return [explain(object, await liveSurroundings(client, object, defaults))]
}

async function explainFiles(
  files: readonly string[],
  defaults: Defaults,
  { namespace }: QueryOptions,
  { stdin }: QueryIo,
  refuse: (mistake: UserError) => void,
): Promise<Explanation[]> {
  const manifests = (await Promise.all(files.map((file) => readManifests(file, stdin)))).flat()
  const objects: ApiObject[] = []
  let isRefused = false
  for (const { file, stream } of manifests)
    mapObjects(
      stream,
      file,
      (object) => {
        objects.push(withoutNulls(object))
        return object
      },
      (mistake) => {
        isRefused = true
        refuse(mistake)
      },
    )
  const found = objects.filter((object) => podTemplate(object))
  if (found.length === 0 && !isRefused)
    throw new UserError('HR_NO_MANIFESTS', `-f: no workload in ${files.join(', ')}`, 'name a file with one')
  return found.map((object) => explainManifest(object, surroundingsIn(objects, object, defaults), namespace))
}

/** Takes the content of a workload's ConfigMaps and Secrets from the same manifests. */
function surroundingsIn(
  objects: readonly ApiObject[],
  { metadata }: ApiObject,
  defaults: Defaults,
): Surroundings {
  const namespace = metadata?.namespace
  return {
    defaults,
    labelled: undefined,
    content({ kind, name }) {
      const one = objects.find(
        (other) =>
          other.kind === kind &&
          other.metadata?.name === name &&
          (other.metadata.namespace ?? namespace) === (namespace ?? other.metadata.namespace),
      )
      return one && contentOf(kind, one)
    },
  }
}

function explainManifest(object: ApiObject, around: Surroundings, namespace?: string): Explanation {
  const places = [object.metadata, podTemplate(object)?.metadata].filter(isObject)
  const mistyped = new Set(
    places.flatMap(({ annotations }) => mistypedAnnotations(annotations)).map(({ message }) => message),
  )
  const placed = namespace === undefined ? object : { ...object, metadata: { namespace, ...object.metadata } }
  if (mistyped.size === 0) return explainIfWellFormed(placed, around)
  return refused(placed, [...mistyped])
}

function explainIfWellFormed(object: ApiObject, around: Surroundings): Explanation {
  try {
    return explain(object, around)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    return refused(object, [malformed(object).message])
  }
}

function refused({ kind = '', metadata = {} }: ApiObject, problems: string[]): Explanation {
  const named = {
    kind,
    ...(metadata.namespace ? { namespace: metadata.namespace } : {}),
    name: metadata.name ?? '',
  }
  return { object: named, optedIn: false, changes: [], problems, warnings: [] }
}

/** Formats one workload for people: a heading, a table, and sentences. */
export function asText(
  { object: { kind, namespace, name }, optedIn, notInjected, changes, problems, warnings }: Explanation,
  columns: number | undefined,
): string {
  const where = namespace === undefined ? '' : ` in namespace ${namespace}`
  const state =
    problems.length > 0
      ? 'mistakes'
      : optedIn
        ? 'opted in'
        : `not opted in; with ${PREFIX}inject: "true" this would happen`
  const rows = changes.map(({ source, keys, container, use, outcome, how }) => [
    keys && !use.startsWith('env ') ? `${source} (${keys.join(', ')})` : source,
    container,
    use,
    outcome,
    how,
  ])
  const table =
    rows.length > 0
      ? formatTable(['A CHANGE OF', 'CONTAINER', 'USED AS', 'IS', 'HOW, OR WHY'], rows, columns)
      : problems.length > 0
        ? ''
        : 'It uses no ConfigMap and no Secret.\n'
  // The table's reasons are not repeated below it.
  const hows = changes.map(({ how }) => how)
  const isInTable = (text: string) =>
    hows.some((how) =>
      how.includes(text.replace(/^container \S+: (subPath mount \S+ is not updated in place: )?/, '')),
    )
  const noAgent =
    notInjected !== undefined && problems.length === 0 && rows.length > 0 && !isInTable(notInjected)
  return [
    `${kind} ${name}${where}: ${state}\n`,
    table,
    ...(noAgent ? [`no agent is added: ${notInjected}\n`] : []),
    ...problems.map((text) => `problem: ${printable(text)}\n`),
    ...warnings.filter((text) => !isInTable(text)).map((text) => `warning: ${printable(text)}\n`),
  ].join('')
}
