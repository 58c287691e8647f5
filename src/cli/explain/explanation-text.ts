/** Formats explanations for people. Pure. */
import { PREFIX } from '../../policy/annotations.ts'
import { skipReasons } from '../../policy/decide.ts'
import { formatTable, printable } from '../shared/table.ts'
import type { Change } from './change.ts'
import type { Explanation } from './explanation.ts'
import type { SourceUsers } from './source-users.ts'

/** One workload: a heading, a table, and sentences. */
export function workloadText(explanation: Explanation, columns: number | undefined): string {
  const { object, notInjected, changes, problems, warnings } = explanation
  const rows = merged(changes).map((one) => [sourceText(one), one.container, one.use, one.outcome, one.how])
  const table =
    rows.length > 0
      ? formatTable(['A CHANGE OF', 'CONTAINER', 'USED AS', 'IS', 'HOW, OR WHY'], rows, columns)
      : problems.length > 0
        ? ''
        : 'It uses no ConfigMap and no Secret.\n'
  const noAgent =
    notInjected !== undefined &&
    notInjected !== skipReasons.nothingToWatch &&
    problems.length === 0 &&
    rows.length > 0 &&
    !isInTable(notInjected, changes)
  return [
    `${nameOf(object)}: ${stateOf(explanation)}\n`,
    table,
    ...(noAgent ? [`no agent is added: ${notInjected}\n`] : []),
    ...problems.map((text) => `problem: ${printable(text)}\n`),
    ...warnings.filter((text) => !isInTable(text, changes)).map((text) => `warning: ${printable(text)}\n`),
  ].join('')
}

/** The table's reasons are not repeated below it. */
const isInTable = (text: string, changes: readonly Change[]): boolean =>
  changes.some(({ how }) =>
    how.includes(text.replace(/^container \S+: (subPath mount \S+ is not updated in place: )?/, '')),
  )

/** Everything that uses one ConfigMap or Secret: a heading, a table, and sentences of each workload. */
export function sourceUsersText(
  { source, namespace, isAbsent, explanations }: SourceUsers,
  columns: number | undefined,
): string {
  const name = `${source.kind} ${source.name} in namespace ${namespace}`
  const rows = explanations.flatMap(({ object, changes }) =>
    merged(changes).map((one) => [
      `${object.kind}/${object.name}`,
      one.container,
      useText(one),
      one.outcome,
      one.how,
    ]),
  )
  const users = explanations.length === 1 ? '1 workload uses it' : `${explanations.length} workloads use it`
  const sentences = explanations.flatMap(({ object, optedIn, changes, problems, warnings }) => {
    // Its row says that it is not opted in, and nothing else is of use before that.
    const shown = optedIn ? warnings.filter((text) => !isInTable(text, changes)) : []
    const of = `${object.kind} ${object.name}`
    return [
      ...problems.map((text) => `problem: ${of}: ${printable(text)}\n`),
      ...shown.map((text) => `warning: ${of}: ${printable(text)}\n`),
    ]
  })
  return [
    `${name}${isAbsent ? ' does not exist' : ''}: ${explanations.length === 0 ? 'no workload uses it' : users}\n`,
    rows.length > 0
      ? formatTable(['USED BY', 'CONTAINER', 'USED AS', 'A CHANGE IS', 'HOW, OR WHY'], rows, columns)
      : '',
    ...sentences,
  ].join('')
}

const useText = ({ use, keys }: Change): string =>
  keys && !use.startsWith('env ') ? `${use} (${keys.join(', ')})` : use

function stateOf({ optedIn, problems, changes, notInjected }: Explanation): string {
  const isRefused = problems.length > 0 && changes.length === 0
  if (isRefused) return 'mistakes'
  if (optedIn && changes.length > 0 && notInjected === skipReasons.nothingToWatch)
    return 'opted in, no agent is added'
  return optedIn ? 'opted in' : `not opted in; with ${PREFIX}inject: "true" this would happen`
}

const nameOf = ({ kind, namespace, name }: Explanation['object']): string =>
  `${kind} ${name}${namespace === undefined ? '' : ` in namespace ${namespace}`}`

const sourceText = ({ source, keys, use }: Change): string =>
  keys && !use.startsWith('env ') ? `${source} (${keys.join(', ')})` : source

/** Uses of one source by one container that end in the same way are one row. */
function merged(changes: readonly Change[]): Change[] {
  const alike = Map.groupBy(changes, (one) =>
    JSON.stringify([sourceText(one), one.container, one.outcome, one.how]),
  )
  return [...alike.values()].flatMap((ones) => {
    const [first] = ones
    return first ? [{ ...first, use: usesOf(ones) }] : []
  })
}

/** `env A, B`: the word for a use is not repeated. */
function usesOf(changes: readonly Change[]): string {
  const byWord = Map.groupBy(
    new Set(changes.map(({ use }) => use)),
    (use) => /^(init: )?\S+/.exec(use)?.[0] ?? '',
  )
  return [...byWord]
    .map(([word, uses]) =>
      [
        word,
        uses
          .map((use) => use.slice(word.length + 1))
          .filter(Boolean)
          .join(', '),
      ]
        .join(' ')
        .trim(),
    )
    .join('; ')
}
