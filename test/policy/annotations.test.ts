import { describe, expect, test } from 'vitest'
import { annotations, inTemplate, parseKey, written } from '../../src/policy/annotations.ts'

describe('a key', () => {
  test.each([
    ['hotreload.dev/signal', { name: 'signal' }],
    ['hotreload.dev/signal.web', { name: 'signal', container: 'web' }],
    ['hotreload.dev/inject.web', undefined],
    ['hotreload.dev/signal.', undefined],
    ['hotreload.dev/signal.a.b', undefined],
    ['hotreload.dev/toString', undefined],
    ['hotreload.dev/', undefined],
  ])('%s is read as %j', (key, parsed) => expect(parseKey(key)).toEqual(parsed))

  test.each([
    ['hotreload.dev/inject', true],
    ['hotreload.dev/signal.web', true],
    ['hotreload.dev/volume-reload', true],
    ['hotreload.dev/volume-reload.web', true],
    ['hotreload.dev/pause', false],
    ['hotreload.dev/checksum', false],
    ['hotreload.dev/singal', false],
    ['example.org/inject', false],
  ])('%s belongs in the pod template: %s', (key, does) => expect(inTemplate(key)).toBe(does))

  test('that hotreload writes is never read', () =>
    expect(Object.keys(written).filter((key) => Object.hasOwn(annotations, key))).toEqual([]))
})

describe('the documentation of an annotation', () => {
  test.each(Object.entries(annotations))('%s is whole sentences', (_, { doc }) =>
    expect(doc).toMatch(/^[A-Z`].*\.$/),
  )
})
