import fc from 'fast-check'
import jsonpatch, { type Operation } from 'fast-json-patch'
import { describe, expect, test } from 'vitest'
import { diff } from '../../src/admission/diff.ts'

const operationsOf = (before: object, after: object): Operation[] => diff(before, after).operations

describe('a difference', () => {
  test.each([
    ['nothing', { a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }, []],
    ['a key more', {}, { a: 1 }, [{ op: 'add', path: '/a', value: 1 }]],
    ['a key less', { a: 1 }, {}, [{ op: 'remove', path: '/a' }]],
    ['another value', { a: 1 }, { a: '1' }, [{ op: 'replace', path: '/a', value: '1' }]],
    ['null is a value', { a: null }, { a: 1 }, [{ op: 'replace', path: '/a', value: 1 }]],
    [
      'undefined is absent',
      { a: 1, c: undefined },
      { a: undefined, b: undefined },
      [{ op: 'remove', path: '/a' }],
    ],
    [
      'a list that grows',
      { a: [1] },
      { a: [1, 2, 3] },
      [
        { op: 'add', path: '/a/1', value: 2 },
        { op: 'add', path: '/a/2', value: 3 },
      ],
    ],
    [
      'a list that shrinks, from its end',
      { a: [1, 2, 3] },
      { a: [1] },
      [
        { op: 'remove', path: '/a/2' },
        { op: 'remove', path: '/a/1' },
      ],
    ],
    ['a list for an object', { a: { 0: 1 } }, { a: [1] }, [{ op: 'replace', path: '/a', value: [1] }]],
    [
      'a key that objects inherit',
      { a: {} },
      JSON.parse('{"a":{"__proto__":0}}'),
      [{ op: 'add', path: '/a/__proto__', value: 0 }],
    ],
    ['slashes and tildes in keys', {}, { 'a/b~c': 1 }, [{ op: 'add', path: '/a~1b~0c', value: 1 }]],
  ])('%s', (_what, before, after, operations) => {
    expect(operationsOf(before, after)).toEqual(operations)
  })

  test('a subtree that both share is skipped', () => {
    const shared = new Proxy({}, { ownKeys: () => expect.fail('looked at') })
    expect(operationsOf({ a: shared, b: 1 }, { a: shared, b: 2 })).toHaveLength(1)
  })

  test('the values in operations are those of the new object, not copies', () => {
    const value = { b: 1 }
    expect(operationsOf({}, { a: value })[0]).toMatchObject({ value })
    expect(Object.is(Object.values(operationsOf({}, { a: value })[0] ?? {})[2], value)).toBe(true)
  })

  test('applied to the copy of any old value, it gives the new one and leaves the old one as it is', () => {
    const json = fc
      .dictionary(fc.constantFrom('a', 'b', '/', '~', '', '0'), fc.jsonValue({ maxDepth: 4 }), { maxKeys: 5 })
      // What applies it here can't write such a key (a case above); the API server can.
      .filter((value) => !JSON.stringify(value).includes('__proto__'))
    fc.assert(
      fc.property(json, json, (before, after) => {
        const received = structuredClone(before)
        const { operations, copy } = diff(before, after)
        expect(copy).toEqual(received)
        expect(jsonpatch.applyPatch(copy, operations, true, true, false).newDocument).toEqual(after)
        expect(before).toEqual(received)
      }),
      { numRuns: 2_000 },
    )
  })
})
