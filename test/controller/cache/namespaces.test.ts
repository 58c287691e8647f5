import { expect, test } from 'vitest'
import { createNamespaces } from '../../../src/controller/cache/namespaces.ts'

function namespaces() {
  const changes: string[] = []
  const all = createNamespaces({
    own: 'hotreload-system',
    onChange: (name) => changes.push(name),
  })
  const set = (name: string, labels?: Record<string, string>) =>
    all.listener.changed({ metadata: { name, ...(labels ? { labels } : {}) } })
  return { all, set, changes }
}

test.each([
  ['shop', 'enabled', true],
  ['shop', 'required', true],
  ['shop', 'disabled', false],
  ['kube-system', 'enabled', false],
  ['kube-node-lease', 'enabled', false],
  ['hotreload-system', 'enabled', false],
])('%s with hotreload.dev/injection: %s', (name, value, expected) => {
  const { set, all } = namespaces()
  set(name, { 'hotreload.dev/injection': value })
  expect(all.isLabelled(name)).toBe(expected)
})

test('only other labels are a change', () => {
  const { set, changes, all } = namespaces()
  set('shop')
  set('shop')
  set('shop', { team: 'a' })
  set('shop', { team: 'a' })
  expect(changes).toEqual(['shop', 'shop'])
  expect(all.labels('shop')).toEqual({ team: 'a' })
})

test('a deleted namespace has no labels, which is a change', () => {
  const { set, all, changes } = namespaces()
  set('shop', { 'hotreload.dev/injection': 'enabled' })
  all.listener.removed('', 'shop')
  expect(all.labels('shop')).toBeUndefined()
  expect(all.isLabelled('shop')).toBe(false)
  all.listener.removed('', 'shop')
  expect(changes).toEqual(['shop', 'shop'])
})
