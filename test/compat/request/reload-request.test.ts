import { expect, test } from 'vitest'
import {
  candidates,
  dependsOnNames,
  emptyRequest,
  hasRequest,
  type ReloadRequest,
} from '../../../src/compat/request/reload-request.ts'
import type { SourceKind, Use } from '../../../src/workload/sources-in-use.ts'

const use = (kind: SourceKind, name: string): Use => ({ kind, namespace: 'shop', name, optional: false })
const request = (fields: Partial<ReloadRequest>): ReloadRequest => ({
  ...emptyRequest,
  tool: 'any',
  references: [use('ConfigMap', 'conf'), use('Secret', 'db')],
  ...fields,
})
const named = new Map([['ConfigMap' as const, [{ text: 'conf', matches: undefined }]]])
const matched = new Map([
  ['ConfigMap' as const, [{ text: 'c.*', matches: (name: string) => name.startsWith('c') }]],
])

test('a request that holds problems only asks for nothing', () => {
  expect(hasRequest(request({ problems: ['a mistake'] }))).toBe(false)
  expect(hasRequest(request({ search: true }))).toBe(true)
  expect(hasRequest(request({ lists: named }))).toBe(true)
})

test('a source that a list names is explicit, and wins over the same source found otherwise', () => {
  const found = candidates(request({ auto: new Set(['ConfigMap']), lists: named }), 'shop', () => [])
  expect(found).toEqual([
    { use: expect.objectContaining({ name: 'conf' }), explicit: true, needsMatch: false },
  ])
})

test('a pattern is compared with all names of its kind, and nothing else asks for them', () => {
  const asked: string[] = []
  const names = (kind: SourceKind) => {
    asked.push(kind)
    return ['conf', 'cache', 'other']
  }
  const found = candidates(request({ lists: matched }), 'shop', names)
  expect(found.map(({ use: { name } }) => name)).toEqual(['conf', 'cache'])
  candidates(request({ lists: named }), 'shop', names)
  expect(asked).toEqual(['ConfigMap'])
})

test('an excluded name of the workload’s own namespace is no candidate', () => {
  const excluded = new Set(['Secret/db'])
  const found = candidates(request({ auto: new Set(['ConfigMap', 'Secret']), excluded }), 'shop', () => [])
  expect(found.map(({ use: { name } }) => name)).toEqual(['conf'])
})

test('only patterns depend on the names that exist', () => {
  expect(dependsOnNames(request({ lists: named }))).toBe(false)
  expect(dependsOnNames(request({ lists: matched }))).toBe(true)
  expect(dependsOnNames(request({ lists: matched }), 'Secret')).toBe(false)
})
