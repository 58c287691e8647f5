import { expect, test } from 'vitest'
import { beginningOf, isLegalName } from '../../src/workload/object-name.ts'

test.each(['a', 'web', 'web-1', 'kube-root-ca.crt', '0', `${'a'.repeat(252)}b`])('%s is a name', (name) =>
  expect(isLegalName(name)).toBe(true),
)

test.each([
  '',
  '../nodes',
  'a/b',
  'a?b',
  'Web',
  '-a',
  'a-',
  'a..b',
  '.a',
  'a.',
  'a b',
  'a\n',
  'a'.repeat(254),
])('%j is no name', (name) => expect(isLegalName(name)).toBe(false))

test.each([
  ['web', 3, 'web'],
  ['web.shop', 4, 'web'],
  ['web--shop', 5, 'web'],
])('the beginning of %s in %i characters is %s', (name, length, beginning) =>
  expect(beginningOf(name, length)).toBe(beginning),
)
