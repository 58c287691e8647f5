/** Annotations of a manifest that YAML does not read as text. The API server stores no such value, so only manifests have them. Pure. */
import { UserError } from '../../errors.ts'
import { isOurs } from '../../policy/annotations.ts'
import { builtInDefaults } from '../../policy/defaults.ts'
import { readPolicy } from '../../policy/policy.ts'
import { isObject, textEntries } from '../../workload/json-object.ts'

/** Our annotations that are not text: `hotreload.dev/inject: true` without quotes is a boolean. kubectl reports those of others. */
export function mistypedAnnotations(annotations: unknown): UserError[] {
  if (!isObject(annotations)) return []
  return Object.entries(annotations)
    .filter(([key, value]) => isOurs(key) && typeof value !== 'string' && value !== null)
    .map(([key, value]) => {
      const text = JSON.stringify(value)
      const quoted = typeof value === 'object' ? `'${text}'` : JSON.stringify(text)
      const [mistake] = readPolicy({ [key]: text }, builtInDefaults).problems
      return new UserError(
        'HR_BAD_VALUE',
        `${key}: ${text.slice(0, 100)} is not text`,
        mistake ? `quote it, and ${mistake.remedy}` : `quote it: ${quoted.slice(0, 100)}`,
      )
    })
}

/** The annotations that are text. */
export const textAnnotations = (annotations: unknown): Record<string, string> =>
  Object.fromEntries(textEntries(annotations))
