/** Reads a workload's annotations into values, once. decide.ts checks whether they fit its containers. */
import { UserError } from '../errors.ts'
import { manual } from '../manual.ts'
import {
  type AnnotationName,
  annotations,
  isOurs,
  PREFIX,
  parseKey,
  type Value,
  written,
} from './annotations.ts'
import type { Defaults } from './defaults.ts'
import { enumerate, MISTAKES, VALUE_LENGTH } from './values/bounds.ts'
import { didYouMean } from './values/did-you-mean.ts'
import { shown } from './values/parse.ts'

export type Values = { [K in AnnotationName]?: Value<K> }

/** The values of a workload: `shared` holds for every container, and `byContainer` takes precedence for the container that a suffix names. */
export interface Policy {
  shared: Values
  byContainer: ReadonlyMap<string, Values>
}

export interface PolicyReading {
  policy: Policy
  problems: UserError[]
  /** Sentences for the user about annotations that are unknown, and ignored. */
  warnings: string[]
}

/**
 * Reads all annotations with our prefix, which take precedence over the cluster's defaults. Never throws: every mistake is in `problems`,
 * so that the user sees all of them at once. After many mistakes the rest stays unread, and the last problem says so.
 */
export function readPolicy(metadata: Readonly<Record<string, string>>, defaults: Defaults): PolicyReading {
  const shared: Values = {}
  const byContainer = new Map<string, Values>()
  const problems: UserError[] = []
  const unknown: string[] = []
  const unread: string[] = []
  for (const [key, value] of [...Object.entries(defaults.annotations), ...Object.entries(metadata)]) {
    if (!isOurs(key) || Object.hasOwn(written, key.slice(PREFIX.length))) continue
    const parsed = parseKey(key)
    if (!parsed) {
      unknown.push(key)
      continue
    }
    if (problems.length >= MISTAKES) {
      unread.push(key)
      continue
    }
    const { name, container } = parsed
    try {
      const settings = container === undefined ? shared : (byContainer.get(container) ?? {})
      if (container !== undefined) byContainer.set(container, settings)
      Object.assign(settings, { [name]: parseValue(name, key, value) })
    } catch (error) {
      if (!(error instanceof UserError)) throw error
      problems.push(error)
    }
  }
  if (unread.length > 0)
    problems.push(
      new UserError(
        'HR_MANY_MISTAKES',
        `after ${MISTAKES} mistakes hotreload does not read the other annotations: ${enumerate(unread)}`,
        'correct these mistakes first',
      ),
    )
  return { policy: { shared, byContainer }, problems, warnings: unknownKeys(unknown) }
}

/** No parser sees a text that is longer than a person's. */
function parseValue(name: AnnotationName, key: string, value: string): unknown {
  if (value.length <= VALUE_LENGTH) return annotations[name].parse(key, value)
  throw new UserError(
    'HR_TOO_LONG',
    `${key}: ${shown(value)} has ${value.length} characters`,
    `use ${VALUE_LENGTH} at most`,
  )
}

/** The values for one container: keys with its suffix take precedence over keys for all. */
export const settingsOf = (policy: Policy, container: string): Values => ({
  ...policy.shared,
  ...policy.byContainer.get(container),
})

const unknownKeys = (keys: readonly string[]): string[] => [
  ...keys.slice(0, MISTAKES).map(unknownKey),
  ...(keys.length > MISTAKES ? [`${keys.length - MISTAKES} more unknown annotations`] : []),
]

function unknownKey(key: string): string {
  const [word = '', suffix] = key.slice(PREFIX.length).split(/\.(.*)/s)
  if (Object.hasOwn(annotations, word))
    return `annotation ${key} can't name a container; use ${PREFIX}${word} alone`
  const known = didYouMean(word, Object.keys(annotations))
  const advice = known
    ? `did you mean ${PREFIX}${known}${suffix ? `.${suffix}` : ''}?`
    : `${manual('annotations')} lists them all`
  return `unknown annotation ${key}; ${advice}`
}
