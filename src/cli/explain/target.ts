/** Reads the names of objects on the command line, as kubectl does. Pure. */
import { UserError } from '../../errors.ts'
import { groupOf, kindLabel, type TypeMeta, templateKinds } from '../../workload/kinds.ts'
import { isLegalName } from '../../workload/object-name.ts'

/** Names a workload, a Pod, an object between them, or a ConfigMap or Secret. */
export type Target = TypeMeta & { kind: string; name: string }

interface NamedKind {
  apiVersion: string
  kind: string
  plural: string
  shortNames: readonly string[]
}

const sourceKinds: readonly NamedKind[] = [
  { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps', shortNames: ['cm'] },
  { apiVersion: 'v1', kind: 'Secret', plural: 'secrets', shortNames: [] },
]
/** Whether it is a ConfigMap or Secret. */
export const isSource = ({ kind }: Target): boolean => sourceKinds.some((one) => one.kind === kind)

const kinds: readonly NamedKind[] = [...templateKinds, ...sourceKinds]

/**
 * `deployment/web cm/site`, or `deployment web api`. A kind is its name, plural or short name, and after a dot its group, or its version and
 * group.
 * @throws UserError HR_BAD_FLAG
 */
export function parseTargets(words: readonly string[], command = 'explain'): Target[] {
  const [first = '', ...names] = words
  const isKindFirst = !first.includes('/') && names.length > 0
  const targets = isKindFirst ? names.map((name) => `${first}/${name}`) : words
  return targets.map((text) => parseTarget(text, command))
}

function parseTarget(text: string, command: string): Target {
  const [resource = '', name = '', ...more] = text.split('/')
  const [word = '', ...qualifier] = resource.toLowerCase().split('.')
  const found = kinds.find(
    (one) =>
      [one.kind.toLowerCase(), one.plural, ...one.shortNames].includes(word) &&
      isQualifiedBy(one, qualifier.join('.')),
  )
  if (found && isLegalName(name) && more.length === 0)
    return { apiVersion: found.apiVersion, kind: found.kind, name }
  throw new UserError(
    'HR_BAD_FLAG',
    `${command}: ${JSON.stringify(text.slice(0, 100))} is not KIND/NAME`,
    `use e.g. deployment/web; kinds are ${kinds.map(kindLabel).join(', ')}`,
  )
}

/** A qualifier is `apps` or `v1.apps`; an empty one fits every row, so that the first row with the word wins. */
function isQualifiedBy({ apiVersion }: NamedKind, qualifier: string): boolean {
  const versionAndGroup = apiVersion.split('/').toReversed().join('.')
  return ['', groupOf({ apiVersion }), versionAndGroup].includes(qualifier)
}
