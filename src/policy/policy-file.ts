/** Parses the policy file, which holds the cluster's defaults: the same keys and parsers as the annotations. The command line reads the file. */
import { parse } from 'yaml'
import { type AlertSink, defaultTemplate, parseSink } from '../alerts/sink.ts'
import { UserError } from '../errors.ts'
import { manual } from '../manual.ts'
import { isObject } from '../workload/json-object.ts'
import { type AnnotationName, annotations, isOurs, PREFIX } from './annotations.ts'
import { builtInDefaults, type Defaults } from './defaults.ts'
import { readPolicy } from './policy.ts'
import { duration, names } from './values/parse.ts'

/**
 * Reads a policy file.
 * ```yaml
 * defaults: { subpath: copy, env: ignore }   # annotation names without the prefix
 * excludedContainers: [my-sidecar]           # added to the built-in list
 * timeout: 60s                               # of validators and commands
 * alerts: [{ url: https://…, template: … }]  # added to --alert-url
 * ```
 * @throws UserError that names the field, the value and the remedy, for the first mistake.
 */
export function parseDefaults(text: string): Defaults {
  const { defaults = {}, excludedContainers = [], timeout, alerts = [], ...unknown } = mappingIn(text)
  const [unknownField] = Object.keys(unknown)
  if (unknownField !== undefined) throw bad(`unknown field "${unknownField}"`)
  if (!Array.isArray(excludedContainers) || !excludedContainers.every((name) => typeof name === 'string'))
    throw bad('excludedContainers is not a list of names')
  if (!isObject(defaults)) throw bad('defaults is not a mapping')
  if (!Array.isArray(alerts)) throw bad('alerts is not a list')
  return {
    annotations: annotationsOf(defaults),
    excludedContainers: new Set([
      ...builtInDefaults.excludedContainers,
      ...excludedContainers.flatMap((name) => inFile(() => names('excludedContainers', name))),
    ]),
    ...(timeout === undefined ? {} : { timeoutSeconds: timeoutSeconds(timeout) }),
    alertSinks: alerts.map(alertSink),
  }
}

function mappingIn(text: string): Record<string, unknown> {
  let file: unknown
  try {
    file = parse(text) ?? {}
  } catch (error) {
    // The first line of the error ends in a colon. An excerpt of the file follows, which must not reach a log.
    throw bad(`not YAML: ${error instanceof Error ? error.message.replace(/:?\n[^]*$/, '') : String(error)}`)
  }
  if (!isObject(file)) throw bad('not a mapping')
  return file
}

/** Only a workload can opt itself in, and only a workload knows the names of its volumes, and where its program answers. */
const ofWorkloadOnly: ReadonlySet<string> = new Set<AnnotationName>(['inject', 'volume-reload', 'health'])

function annotationsOf(defaults: Record<string, unknown>): Record<string, string> {
  const keys = Object.entries(defaults).map(([name, value]): [string, string] => {
    if (isOurs(name)) throw bad(`defaults.${name}: leave out the prefix ${PREFIX}`)
    if (!Object.hasOwn(annotations, name) || ofWorkloadOnly.has(name))
      throw bad(`defaults.${name} is not an annotation that can have a default`)
    return [PREFIX + name, typeof value === 'string' ? value : JSON.stringify(value)]
  })
  const { problems } = readPolicy(Object.fromEntries(keys), builtInDefaults)
  const [mistake] = problems
  // The parser's sentence names an annotation, but the user wrote a file.
  if (mistake) throw bad(`defaults.${mistake.problem.slice(PREFIX.length)}`, mistake.remedy)
  return Object.fromEntries(keys)
}

function timeoutSeconds(value: unknown): number {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  const seconds = inFile(() => duration('timeout', text))
  if (seconds > 0) return seconds
  throw bad(`timeout: ${text} leaves no time at all`, 'use a number and a unit, e.g. 60s or 2m')
}

function alertSink(value: unknown, index: number): AlertSink {
  const at = `alerts[${index}]`
  if (!isObject(value)) throw bad(`${at} is not a mapping`)
  const { url, template = defaultTemplate, ...unknown } = value
  const [unknownField] = Object.keys(unknown)
  if (unknownField !== undefined) throw bad(`${at}: unknown field "${unknownField}"`)
  if (typeof template !== 'string') throw bad(`${at}.template is not text`, 'quote the JSON')
  const sink = typeof url === 'string' ? inFile(() => parseSink(url, template)) : undefined
  if (!sink) throw bad(`${at}.url is not a URL`, 'use https://…')
  return sink
}

const bad = (what: string, remedy = `${manual('policy')} shows a policy file`) =>
  new UserError('HR_BAD_POLICY', `policy file: ${what}`, remedy)

/** Names the policy file in the errors of another parser. */
function inFile<T>(parser: () => T): T {
  try {
    return parser()
  } catch (error) {
    throw error instanceof UserError ? bad(error.problem, error.remedy) : error
  }
}
