import { expect, test } from 'vitest'
import type { ApiCall, ApiResponse } from '../../../src/api/api.ts'
import { createBaselineWriter } from '../../../src/controller/rollout/baseline-store.ts'
import { createBaselines, SHARD_BYTES } from '../../../src/controller/rollout/baselines.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const sources = (count: number, hash = 'f'.repeat(16)) =>
  new Map(Array.from({ length: count }, (_, index) => [`ConfigMap/c${index}`, hash] as const))
/** Nearly all of a shard. */
const large = () => new Map([['ConfigMap/a', 'x'.repeat(SHARD_BYTES - 1_000)]])

function store(refused: (shard: string) => boolean = () => false) {
  const clock = fakeClock()
  const shards = new Map<string, Record<string, string>>()
  /** In which shards a workload was after each write. */
  const places: string[] = []
  let calls = 0
  const baselines = createBaselines(new Map())
  const writer = createBaselineWriter({
    clock,
    baselines,
    isLeading: () => true,
    onError() {},
    api: {
      namespace: 'hotreload-system',
      async call({ method, path, body }: ApiCall): Promise<ApiResponse> {
        calls += 1
        const { data, metadata } = body as { data: Record<string, string>; metadata?: { name: string } }
        const name = metadata?.name ?? path.split('/').at(-1) ?? ''
        if (method === 'PATCH' && !shards.has(name)) return { status: 404, body: {} }
        if (refused(name)) return { status: 422, body: {} }
        const all = Object.entries({ ...shards.get(name), ...data }).filter(([, text]) => text !== null)
        shards.set(name, Object.fromEntries(all))
        places.push(
          [...shards]
            .filter(([, one]) => 'moves' in one)
            .map(([one]) => one.slice(-1))
            .join(),
        )
        return { status: method === 'POST' ? 201 : 200, body: {} }
      },
    },
  })
  return { clock, shards, places, baselines, writer, calls: () => calls }
}

test('a shard that is refused, for example because it is immutable, does not stop the writes of the others', async () => {
  const { clock, shards, baselines, writer } = store((name) => name.endsWith('-0'))
  baselines.update('a', large(), [])
  baselines.update('b', large(), [])
  writer.touch()
  await clock.advance(1_000)
  expect([...shards.keys()]).toEqual(['hotreload-baselines-1'])
  writer.stop()
})

test('a shard that is refused for good is tried less and less often', async () => {
  const { clock, baselines, writer, calls } = store(() => true)
  baselines.update('a', new Map([['ConfigMap/a', '1']]), [])
  writer.touch()
  await clock.advance(3_600_000)
  expect(calls()).toBeGreaterThan(60)
  expect(calls()).toBeLessThan(140)
  writer.stop()
})

test('an entry that moves is written to its new shard before its key in the old one is removed', async () => {
  const { clock, places, baselines, writer } = store()
  baselines.update('first', new Map([['ConfigMap/a', 'x'.repeat(SHARD_BYTES - 2_000)]]), [])
  baselines.update('moves', sources(10), [])
  writer.touch()
  await clock.advance(1_000)
  places.length = 0
  baselines.update('first', new Map([['ConfigMap/a', 'y'.repeat(SHARD_BYTES - 2_000)]]), [])
  baselines.update('moves', sources(200), [])
  writer.touch()
  await clock.advance(1_000)
  expect(places).not.toContain('')
  expect(places.at(-1)).toBe('1')
  writer.stop()
})
