import { expect, test } from 'vitest'
import { nameFor } from '../../src/inject/names.ts'

test('parts are joined, and their own dashes doubled except in the last', () => {
  expect(nameFor('hotreload-vol', 'web', 'conf')).toBe('hotreload-vol-web-conf')
  expect(nameFor('hotreload-vol', 'web-admin', 'conf')).toBe('hotreload-vol-web--admin-conf')
  expect(nameFor('hotreload-vol', 'web', 'admin-conf')).toBe('hotreload-vol-web-admin-conf')
})

test('a long name is cut to 63 characters and stays different from its neighbours', () => {
  const [one, two] = ['a', 'b'].map((end) => nameFor('hotreload-vol', 'web', `${'x'.repeat(60)}${end}`))
  expect(one).toHaveLength(63)
  expect(one).toMatch(/^hotreload-vol-web-x+-[0-9a-f]{8}$/)
  expect(one).not.toBe(two)
})

test('a long name has no doubled dash where it is cut', () =>
  expect(nameFor(`${'x'.repeat(52)}--y`, 'z'.repeat(20))).toMatch(/^x{52}-[0-9a-f]{8}$/))
