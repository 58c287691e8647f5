import { expect, test } from 'vitest'
import {
  type CompatOptions,
  defaultCompatOptions,
  isNamespaceAllowed,
  selects,
} from '../../../src/compat/request/options.ts'

test('namespaces: one, some left out, or by label', () => {
  const allowed = (options: Partial<CompatOptions>, labels = {}) =>
    isNamespaceAllowed({ ...defaultCompatOptions, ...options }, 'shop', labels)
  expect(allowed({})).toBe(true)
  expect(allowed({ namespaces: new Set(['other']) })).toBe(false)
  expect(allowed({ ignoredNamespaces: new Set(['shop']) })).toBe(false)
  const namespaceSelector = [{ key: 'team', operator: 'exists' as const, values: [] }]
  expect(allowed({ namespaceSelector })).toBe(false)
  expect(allowed({ namespaceSelector }, { team: 'a' })).toBe(true)
})

test('selectors', () => {
  const one = (operator: 'in' | 'notIn' | 'exists' | 'absent', labels: Record<string, string>) =>
    selects([{ key: 'a', operator, values: ['1', '2'] }], labels)
  expect(['in', 'notIn', 'exists', 'absent'].map((operator) => one(operator as 'in', { a: '1' }))).toEqual([
    true,
    false,
    true,
    false,
  ])
  expect(['in', 'notIn', 'exists', 'absent'].map((operator) => one(operator as 'in', {}))).toEqual([
    false,
    true,
    false,
    true,
  ])
})
