/** Label selectors as text: Kubernetes' own, and Reloader's `key:value` and `key:*`. Pure. */
import type { Requirement, Selector } from './options.ts'

/** All of the requirements must match. A string is the requirement that is not understood. */
export function parseSelector(text: string): Selector | string {
  const selector: Requirement[] = []
  // Commas in parentheses separate values.
  for (const item of text.split(/,(?![^(]*\))/).map((one) => one.trim())) {
    if (item === '') continue
    const requirement = parseSet(item) ?? parseEquality(item)
    if (!requirement) return item
    selector.push(requirement)
  }
  return selector
}

/** `key in (a,b)`, `key notin (a,b)`: the latter also selects what lacks the key. */
function parseSet(item: string): Requirement | undefined {
  const [, key = '', not, values = ''] = /^([-./\w]+)\s+(not)?in\s*\(([-.\w\s,]*)\)$/.exec(item) ?? []
  if (key === '') return undefined
  return { key, operator: not ? 'notIn' : 'in', values: values.split(',').map((value) => value.trim()) }
}

/** `key:value`, `key=value`, `key==value`, `key!=value`, `key`, `!key`; the value `*` is any. */
function parseEquality(item: string): Requirement | undefined {
  const [, not, key = '', operator = '', value = ''] =
    /^(!?)\s*([-./\w]+?)(?:\s*(:|!=|==?)\s*([-.*\w]*))?$/.exec(item) ?? []
  if (key === '' || (not && operator)) return undefined
  if (not) return { key, operator: 'absent', values: [] }
  if (operator === '' || value === '*') return { key, operator: 'exists', values: [] }
  return { key, operator: operator === '!=' ? 'notIn' : 'in', values: [value] }
}
