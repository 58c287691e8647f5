import { expect, test } from 'vitest'
import { asList, asObject, messageOf } from '../../src/api/response-body.ts'

test.each([
  ['an object', { a: 1 }, { a: 1 }],
  ['no JSON', undefined, {}],
  ['null', null, {}],
  ['a list', [1], {}],
  ['a text', 'a', {}],
])('as an object: %s', (_, body, expected) => expect(asObject(body)).toEqual(expected))

test('a list has items, the token of the next page and its version', () => {
  const body = { metadata: { continue: 'next', resourceVersion: '7' }, items: [{ kind: 'Pod' }] }
  expect(asList(body)).toEqual({ items: [{ kind: 'Pod' }], continueToken: 'next', resourceVersion: '7' })
})

test('a custom resource has no nulls, which the API server keeps in it', () => {
  const cloneSet = (fields: object) => ({
    apiVersion: 'apps.kruise.io/v1alpha1',
    kind: 'CloneSet',
    ...fields,
  })
  const stored = cloneSet({
    spec: { template: { spec: { volumes: null, containers: [{ env: null }, null] } } },
  })
  const read = cloneSet({ spec: { template: { spec: { containers: [{}] } } } })
  expect(asObject(stored)).toEqual(read)
  expect(asList({ items: [stored] }).items).toEqual([read])
})

test('a custom resource of more levels than the stack has room for spoils no list', () => {
  const nested = `${'{"a":'.repeat(9_000)}null${'}'.repeat(9_000)}`
  const rollout = JSON.parse(`{"apiVersion":"argoproj.io/v1alpha1","kind":"Rollout","spec":${nested}}`)
  expect(asList({ items: [rollout] }).items).toMatchObject([{ kind: 'Rollout', spec: { a: { a: {} } } }])
})

test('Go’s empty list is empty', () => expect(asList({ metadata: {}, items: null }).items).toEqual([]))

test.each([[undefined], [{}], [{ kind: 'Status', metadata: {} }], ['<html>']])(
  '%j is no list, rather than an empty one',
  (body) => expect(() => asList(body)).toThrow(TypeError),
)

test.each([
  [{ message: 'no' }, 'no'],
  [{ message: 'x'.repeat(301) }, 'x'.repeat(300)],
  [{ message: {} }, ''],
  [undefined, ''],
])('the message of %j', (body, expected) => expect(messageOf(body)).toBe(expected))
