import { describe, expect, test } from 'vitest'
import { expectedChecksums, type Observation, observe } from '../../src/checksum/expected-checksums.ts'
import type { UsedKeys, UsedKeysIn } from '../../src/workload/checksum.ts'

const configMap = (name: string): UsedKeysIn => ({
  kind: 'ConfigMap',
  namespace: 'shop',
  name,
  optional: false,
})
const secret: UsedKeysIn = { kind: 'Secret', namespace: 'shop', name: 'db', optional: false }
const key = { id: '0a1b2c3d', key: new Uint8Array(32) }
const content = { data: { a: '1' }, binaryData: {}, immutable: true }

describe('observe', () => {
  test('a missing object has a checksum of its own, so that its creation is a change', () =>
    expect(observe(configMap('a'), 'absent', key)).toEqual({ hash: 'absent', immutable: false }))

  test('an unreadable object has none', () => {
    expect(observe(configMap('a'), 'unavailable', key)).toBe('unavailable')
    expect(observe(secret, 'forbidden', key)).toBe('forbidden')
  })

  test('a Secret has none before the install key exists', () => {
    expect(observe(secret, content, undefined)).toBe('unavailable')
    expect(observe(secret, content, key)).toEqual({
      hash: expect.stringMatching(/^0a1b2c3d\.2:/),
      immutable: true,
    })
  })
})

describe('expectedChecksums', () => {
  const of = (rollout: UsedKeys[], inPlace: UsedKeys[], observations: Record<string, Observation>) =>
    expectedChecksums({ rollout, inPlace }, ({ name }) => observations[name] ?? 'unavailable')
  const [a, b] = [configMap('a'), configMap('b')]

  test('has each source that rolls out, and lists those that could not be read', () =>
    expect(of([a, b], [], { a: { hash: '1', immutable: false }, b: 'forbidden' })).toEqual({
      hashes: new Map([['ConfigMap/a', '1']]),
      unreadable: [{ used: b, why: 'forbidden' }],
      immutable: [],
    }))

  test('has a source that reloads in place only if it is immutable', () =>
    expect(of([], [a, b], { a: { hash: '1', immutable: true }, b: { hash: '2', immutable: false } })).toEqual(
      {
        hashes: new Map([['ConfigMap/a', '1']]),
        unreadable: [],
        immutable: [a],
      },
    ))

  test('keeps the checksum of a source that some container needs new Pods for', () => {
    const observations = [
      { hash: '1', immutable: true },
      { hash: '2', immutable: true },
    ]
    const { hashes } = expectedChecksums(
      { rollout: [a], inPlace: [a] },
      () => observations.shift() ?? 'unavailable',
    )
    expect(hashes).toEqual(new Map([['ConfigMap/a', '1']]))
  })

  test('ignores an unreadable source that reloads in place', () =>
    expect(of([], [a], {})).toEqual({ hashes: new Map(), unreadable: [], immutable: [] }))
})
