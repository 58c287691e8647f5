import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  checksum,
  formatChecksums,
  type InstallKey,
  parseChecksums,
  type SourceData,
  type UsedKeysIn,
  usedKeys,
} from '../../src/workload/checksum.ts'
import type { Reference } from '../../src/workload/references.ts'

const all: UsedKeysIn = { kind: 'ConfigMap', namespace: 'shop', name: 'web', optional: false }
const secret: UsedKeysIn = { kind: 'Secret', namespace: 'shop', name: 'db', optional: false }
const key: InstallKey = { id: '0a1b2c3d', key: new Uint8Array(32).fill(7) }
const otherKey: InstallKey = { id: '4e5f6a7b', key: new Uint8Array(32).fill(8) }

describe('usedKeys', () => {
  const reference = (name: string, keys: string[] | undefined, optional = false): Reference => ({
    kind: 'ConfigMap',
    name,
    optional,
    container: 'web',
    init: false,
    as: 'env',
    ...(keys ? { keys } : {}),
  })

  test('joins the keys of all uses, sorted, each object once in the order of their ids', () => {
    expect(usedKeys([reference('b', ['y']), reference('a', ['z', 'x']), reference('a', ['x', 'w'])])).toEqual(
      [
        { kind: 'ConfigMap', name: 'a', keys: ['w', 'x', 'z'], optional: false },
        { kind: 'ConfigMap', name: 'b', keys: ['y'], optional: false },
      ],
    )
  })

  test.each([
    ['before', [reference('a', undefined), reference('a', ['x'])]],
    ['after', [reference('a', ['x']), reference('a', undefined)]],
  ])('a use of all keys %s a use of one key: all keys', (_, uses) =>
    expect(usedKeys(uses)).toEqual([{ kind: 'ConfigMap', name: 'a', optional: false }]),
  )

  test('an object is optional only if every use is optional', () => {
    expect(usedKeys([reference('a', ['x'], true), reference('a', ['y'], false)])[0]?.optional).toBe(false)
    expect(usedKeys([reference('a', ['x'], true), reference('a', ['y'], true)])[0]?.optional).toBe(true)
  })
})

describe('checksum', () => {
  const content = fc.dictionary(fc.string({ maxLength: 4 }), fc.string({ maxLength: 6 }), {
    noNullPrototype: true,
  })

  test('it has 16 hexadecimal digits', () =>
    expect(checksum(all, { data: { a: 'b' } })).toMatch(/^[0-9a-f]{16}$/))

  test('two contents have the same checksum only if they are equal', () => {
    fc.assert(
      fc.property(content, content, (a, b) => {
        const sorted = (of: Record<string, string>) =>
          JSON.stringify(Object.entries(of).toSorted(([a], [b]) => (a < b ? -1 : 1)))
        expect(checksum(all, { data: a }) === checksum(all, { data: b })).toBe(sorted(a) === sorted(b))
      }),
    )
  })

  test.each<[string, SourceData, SourceData]>([
    ['a border between name and value', { data: { a: 'b=c' } }, { data: { 'a=b': 'c' } }],
    ['a border between two keys', { data: { a: '1;1:b=data:1:2' } }, { data: { a: '1', b: '2' } }],
    ['an empty value and none', { data: { a: '' } }, {}],
    ['data and binaryData', { data: { a: 'eA==' } }, { binaryData: { a: 'eA==' } }],
  ])('%s makes a difference', (_, a, b) => expect(checksum(all, a)).not.toBe(checksum(all, b)))

  test('the order of the keys makes no difference', () =>
    expect(checksum(all, { data: { a: '1', b: '2' } })).toBe(checksum(all, { data: { b: '2', a: '1' } })))

  test('only the keys in use count', () => {
    const used = { ...all, keys: ['a'] }
    expect(checksum(used, { data: { a: '1', b: '2' } })).toBe(checksum(used, { data: { a: '1', b: '3' } }))
    expect(checksum(used, { data: { a: '1' } })).not.toBe(checksum(used, { data: {} }))
  })

  test('a missing key differs from an empty one, and from the properties that every object inherits', () => {
    expect(checksum({ ...all, keys: ['a'] }, {})).not.toBe(
      checksum({ ...all, keys: ['a'] }, { data: { a: '' } }),
    )
    expect(checksum({ ...all, keys: ['toString'] }, {})).toBe(
      checksum({ ...all, keys: ['toString'] }, { data: {} }),
    )
  })

  test('a Secret needs the key of this install, whose id stands before the checksum', () => {
    const data = { binaryData: { password: 'aHVudGVyMg==' } }
    expect(() => checksum(secret, data)).toThrow(TypeError)
    expect(checksum(secret, data, key)).toMatch(/^0a1b2c3d\.2:[0-9a-f]{16}$/)
    const [, hash] = checksum(secret, data, key).split(':')
    expect(checksum(secret, data, otherKey)).not.toContain(hash)
  })

  test('equal Secrets of two namespaces, or two names, have different checksums: nobody can compare with a copy', () => {
    const data = { binaryData: { pin: 'MTIzNA==' } }
    const hashes = [secret, { ...secret, namespace: 'mallory' }, { ...secret, name: 'guess' }].map((used) =>
      checksum(used, data, key),
    )
    expect(new Set(hashes).size).toBe(3)
    expect(checksum({ ...secret, optional: true }, data, key)).toBe(hashes[0])
  })

  test('the format is stable, since it is compared with what an older version wrote', () =>
    expect(checksum(all, { data: { 'nginx.conf': 'events {}' } })).toMatchInlineSnapshot(
      `"753d169462680616"`,
    ))
})

describe('the annotation', () => {
  test('reads back as it was written, sorted', () => {
    const hashes = new Map([
      ['Secret/db', '0a1b2c3d.2:00'],
      ['ConfigMap/web', '11'],
    ])
    const text = formatChecksums(hashes)
    expect(text).toBe('{"ConfigMap/web":"11","Secret/db":"0a1b2c3d.2:00"}')
    expect(parseChecksums(text)).toEqual(new Map([...hashes].toReversed()))
  })

  test('is absent if nothing needs a rollout', () => expect(formatChecksums(new Map())).toBeUndefined())

  test.each([undefined, '', 'null', '5', '"x"', '[', '{"a":1}'])('%j holds no checksums', (text) =>
    expect(parseChecksums(text).size).toBe(0),
  )
})
