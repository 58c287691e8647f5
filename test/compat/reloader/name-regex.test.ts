import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import { nameRegex } from '../../../src/compat/reloader/name-regex.ts'
import { reloader } from '../../../src/compat/reloader/reloader.ts'
import { defaultCompatOptions } from '../../../src/compat/request/options.ts'
import { workload } from '../workload.ts'

test('RE2JS is loaded with the first regular expression, and not for names', () => {
  const { cache } = createRequire(import.meta.url)
  const isLoaded = () => Object.keys(cache).some((file) => file.includes('/re2js/'))
  const list = (items: string) => ({ ...workload({ 'configmap.reloader.stakater.com/reload': items }) })
  reloader.read(list('conf,other'), defaultCompatOptions)
  expect(isLoaded()).toBe(false)
  reloader.read(list('conf,other.*'), defaultCompatOptions)
  expect(isLoaded()).toBe(true)
})

function matches(item: string, name: string): boolean {
  const regex = nameRegex(item)
  if (typeof regex === 'string') throw new Error(regex)
  return regex.matches(name)
}

test.each([
  ['conf-.*', 'conf-a', true],
  ['.onf', 'conf', true],
  ['.onf', 'a-conf', false],
  ['conf.', 'conf', false],
  ['(?i)CONF', 'conf', true],
  ['app.conf', 'app.conf', true],
  ['conf-[[:digit:]]+', 'conf-17', true],
  ['\\pL+', 'conf', true],
  // Reloader puts ^ and $ around the text, not around a group.
  ['conf|other', 'conf-a', true],
])('%s, %s: %s', (item, name, expected) => expect(matches(item, name)).toBe(expected))

test.each(['(a)\\1', 'a(?=b)', 'a(?!b)', '(?<=a)b', 'a{1001}'])(
  '%s is refused, as Go refuses what takes more than linear time',
  (item) => expect(nameRegex(item)).toMatch(/^invalid /),
)

// An engine that backtracks needs more steps than there are atoms.
test.each(['(x+x+)+y', '(a|a)?'.repeat(40), '(x*)*(x*)*(x*)*y'])(
  '%s is matched by an engine that does not backtrack',
  (item) => expect(matches(item, 'x'.repeat(250))).toBe(false),
)

test.each([
  ['(.?){999}'.repeat(28), 'too large'],
  [`(${'.?'.repeat(120)}){1000}`, 'too large'],
  ['(((.?){10}){10}){10}'.repeat(12), 'too large'],
  [`(${'.?'.repeat(100)})\\Q\\E{1000}`, 'too large'],
  ['a'.repeat(254), 'longer than 253 characters'],
])('%s is not even compiled', (item, reason) => expect(nameRegex(item)).toBe(reason))

test.each([
  '[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}',
  '([a-z]{1,63}[.]){1,3}x',
  'a{3,}',
])('%s is small enough', (item) => expect(nameRegex(item)).toMatchObject({ size: expect.any(Number) }))

// Milliseconds; a DFA takes twice as long on a fast machine, and the search without one a twentieth.
test('patterns for which a DFA has very many states are matched without one', () => {
  let seed = 7
  const letter = () => ((seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) < 2 ** 30 ? 'a' : 'b')
  const names = Array.from({ length: 200 }, () => Array.from({ length: 250 }, letter).join(''))
  const items = Array.from({ length: 8 }, (_, index) => `(a|b)*a(a|b){4${index}}[x-z]`)
  expect(items.filter((item) => names.some((name) => matches(item, name)))).toEqual([])
}, 4_000)

test('a pattern that was read before is not compiled again', () => {
  expect(nameRegex('once-.*')).toBe(nameRegex('once-.*'))
  const size = (item: string) => Object(nameRegex(item)).size
  expect(size('(.?){200}')).toBeGreaterThan(size('once-.*') * 10)
})
