import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createBaselines, SHARD_BYTES, type ShardChange } from '../../../src/controller/rollout/baselines.ts'

/** The cluster's side: ConfigMaps by number. */
function applied(shards: Map<number, Record<string, string>>, changes: readonly ShardChange[]) {
  for (const { shard, uid, text } of changes) {
    const data = shards.get(shard) ?? {}
    shards.set(shard, data)
    if (text === undefined) delete data[uid]
    else data[uid] = text
  }
  return shards
}
const sources = (count: number, hash = '0123456789abcdef') =>
  new Map(Array.from({ length: count }, (_, index) => [`ConfigMap/configuration-${index}`, hash]))

describe('a baseline', () => {
  test('is what was added, without what was removed', () => {
    const baselines = createBaselines(new Map())
    expect(
      baselines.update(
        'u1',
        new Map([
          ['ConfigMap/a', '1'],
          ['ConfigMap/b', '2'],
        ]),
        [],
      ),
    ).toBe(true)
    expect(baselines.update('u1', new Map([['ConfigMap/a', '3']]), ['ConfigMap/b'])).toBe(true)
    expect([...baselines.get('u1')]).toEqual([['ConfigMap/a', '3']])
    expect(baselines.update('u1', new Map([['ConfigMap/a', '3']]), ['ConfigMap/c'])).toBe(false)
    expect(baselines.takeChanges()).toEqual([{ shard: 0, uid: 'u1', text: '{"ConfigMap/a":"3"}' }])
    expect(baselines.takeChanges()).toEqual([])
  })

  test('that is empty is removed', () => {
    const baselines = createBaselines(new Map([[0, { u1: '{"ConfigMap/a":"1"}' }]]))
    baselines.update('u1', new Map(), ['ConfigMap/a'])
    expect(baselines.takeChanges()).toEqual([{ shard: 0, uid: 'u1', text: undefined }])
  })

  test('that is damaged counts as missing, and the others stay', () => {
    const baselines = createBaselines(
      new Map([[0, { u1: '{"ConfigMap', u2: '{"ConfigMap/a":"1"}', u3: 'null' }]]),
    )
    expect([...baselines.uids()]).toEqual(['u2'])
  })

  test('whose write failed is written again, with its newest value', () => {
    const baselines = createBaselines(new Map())
    baselines.update('u1', new Map([['ConfigMap/a', '1']]), [])
    const changes = baselines.takeChanges()
    baselines.update('u1', new Map([['ConfigMap/a', '2']]), [])
    baselines.failed(changes)
    expect(baselines.takeChanges()).toEqual([{ shard: 0, uid: 'u1', text: '{"ConfigMap/a":"2"}' }])
  })
})

test('an entry that outgrows a shard loses its oldest checksums, so that it can be written', () => {
  const baselines = createBaselines(new Map())
  const batch = (from: number) =>
    new Map(
      Array.from({ length: 500 }, (_, index) => [
        `ConfigMap/${'n'.repeat(240)}${from + index}`,
        'a'.repeat(16),
      ]),
    )
  for (let from = 10_000; from < 15_000; from += 500) baselines.update('u1', batch(from), [])
  const changes = baselines.takeChanges()
  for (const { text = '' } of changes) expect(text.length).toBeLessThanOrEqual(SHARD_BYTES)
  const kept = [...baselines.get('u1').keys()]
  expect(kept.length).toBeGreaterThan(1_000)
  expect(kept.slice(-500)).toEqual([...batch(14_500).keys()])
  // The checksums in use are added once, and stay.
  expect(baselines.update('u1', batch(14_500), [])).toBe(false)
})

test('2,000 workloads with 20 sources each fit into shards within their bounds, and none is lost', () => {
  const shards = new Map<number, Record<string, string>>()
  const baselines = createBaselines(shards)
  for (let index = 0; index < 2_000; index++) baselines.update(`uid-${index}`, sources(20), [])
  applied(shards, baselines.takeChanges())
  expect(shards.size).toBeGreaterThan(3)
  for (const data of shards.values()) {
    const bytes = Object.entries(data).reduce((sum, [uid, text]) => sum + uid.length + text.length, 0)
    expect(bytes).toBeLessThanOrEqual(SHARD_BYTES)
  }
  const again = createBaselines(shards)
  expect([...again.uids()]).toHaveLength(2_000)
  expect(again.get('uid-1999').size).toBe(20)
})

test('after any sequence of changes, moves and failures the shards hold the baselines', () => {
  const uid = fc.constantFrom('u1', 'u2', 'u3', 'u4')
  const step = fc.oneof(
    fc.record({ do: fc.constant('update' as const), uid, size: fc.integer({ min: 0, max: 4_000 }) }),
    fc.record({ do: fc.constant('remove' as const), uid }),
    fc.record({ do: fc.constant('write' as const), works: fc.boolean() }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const shards = new Map<number, Record<string, string>>()
      const baselines = createBaselines(new Map())
      for (const one of steps) {
        if (one.do === 'update')
          baselines.update(one.uid, sources(one.size, 'x'.repeat(100)), [...baselines.get(one.uid).keys()])
        else if (one.do === 'remove') baselines.remove(one.uid)
        else {
          const changes = baselines.takeChanges()
          if (one.works) applied(shards, changes)
          else baselines.failed(changes)
        }
      }
      applied(shards, baselines.takeChanges())
      const stored = [...shards.values()]
        .flatMap((data) => Object.keys(data))
        .toSorted((a, b) => (a < b ? -1 : 1))
      expect(stored).toEqual([...baselines.uids()].toSorted((a, b) => (a < b ? -1 : 1)))
      const again = createBaselines(shards)
      for (const one of baselines.uids()) expect(again.get(one).size).toBe(baselines.get(one).size)
    }),
    { numRuns: 60 },
  )
})
