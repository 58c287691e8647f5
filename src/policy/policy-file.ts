/** The cluster-wide defaults of `--policy FILE`: the same keys and parsers as the annotations. Text in, values out; the command line reads the file. */
import { parse } from 'yaml'
import { UserError } from '../errors.ts'
import { annotations, isOurs, PREFIX } from './annotations.ts'
import { builtInDefaults, type Defaults } from './defaults.ts'
import { readPolicy } from './policy.ts'

/**
 * Reads a policy file.
 * ```yaml
 * defaults: { subpath: copy, env: ignore }   # annotation names without the prefix
 * excludedContainers: [my-sidecar]           # added to the built-in list
 * ```
 * @throws UserError that names the field, the value and the remedy, for the first mistake.
 */
export function parseDefaults(text: string): Defaults {
  const remedy = 'docs/policy.md shows a policy file'
  const bad = (what: string) => new UserError('HR_BAD_POLICY', `policy file: ${what}`, remedy)
  let file: unknown
  try {
    file = parse(text) ?? {}
  } catch (error) {
    throw bad(`not YAML: ${error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)}`)
  }
  if (typeof file !== 'object' || file === null || Array.isArray(file)) throw bad('not a mapping')
  const { defaults = {}, excludedContainers = [], ...unknown } = file as Record<string, unknown>
  const [stranger] = Object.keys(unknown)
  if (stranger !== undefined) throw bad(`unknown field "${stranger}"`)
  if (!Array.isArray(excludedContainers) || !excludedContainers.every((name) => typeof name === 'string'))
    throw bad('excludedContainers is not a list of names')
  if (typeof defaults !== 'object' || defaults === null || Array.isArray(defaults))
    throw bad('defaults is not a mapping')
  const keys = Object.entries(defaults).map(([name, value]): [string, string] => {
    if (isOurs(name)) throw bad(`defaults.${name}: leave out the prefix ${PREFIX}`)
    if (!Object.hasOwn(annotations, name) || name === 'inject')
      throw bad(`defaults.${name} is not an annotation that can have a default`)
    return [PREFIX + name, typeof value === 'object' ? JSON.stringify(value) : String(value)]
  })
  const { problems } = readPolicy(Object.fromEntries(keys), builtInDefaults)
  const [mistake] = problems
  // As in an annotation, but said of the file: its reader has written no annotation.
  if (mistake)
    throw new UserError(
      'HR_BAD_POLICY',
      `policy file: defaults.${mistake.problem.slice(PREFIX.length)}`,
      mistake.remedy,
    )
  return {
    annotations: Object.fromEntries(keys),
    excludedContainers: new Set([...builtInDefaults.excludedContainers, ...excludedContainers]),
  }
}
