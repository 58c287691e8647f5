import { expect, test, vi } from 'vitest'
import { readTemplateChecksums } from '../../src/admission/template-checksums.ts'
import type { ConfigReader } from '../../src/api/config-reader.ts'
import { decisionFor, nginx, podSpec, readerOf } from '../support/builders.ts'

const env = [
  { name: 'A', valueFrom: { configMapKeyRef: { name: 'settings', key: 'a' } } },
  { name: 'B', valueFrom: { secretKeyRef: { name: 'db', key: 'b' } } },
]
const { plan } = decisionFor(podSpec({ containers: [nginx({ env })] }))
const key = { id: '0a1b2c3d', key: new Uint8Array(32) }

test('each source is read once, those that reload in place too', async () => {
  const reader = readerOf({ 'ConfigMap/settings': { data: { a: '1' } }, 'Secret/db': 'forbidden' })
  const { hashes, unreadable, immutable } = await readTemplateChecksums(plan, 'shop', reader, key)
  expect(reader.reads.toSorted()).toEqual(['ConfigMap/settings', 'ConfigMap/web', 'Secret/db'])
  expect([...hashes.keys()]).toEqual(['ConfigMap/settings'])
  expect(unreadable).toMatchObject([{ used: { name: 'db' }, why: 'forbidden' }])
  expect(immutable).toEqual([])
})

test('all reads start before the first one ends', async () => {
  const pending: (() => void)[] = []
  const read = () => new Promise<'absent'>((resolve) => pending.push(() => resolve('absent')))
  const reader: ConfigReader = { configMap: read, secret: read }
  const checksums = readTemplateChecksums(plan, 'shop', reader, key)
  expect(pending).toHaveLength(3)
  for (const end of pending) end()
  expect((await checksums).hashes).toEqual(
    new Map([
      ['ConfigMap/settings', 'absent'],
      ['Secret/db', 'absent'],
    ]),
  )
})

test('10,000 sources: 128 are read, 32 at a time, and the others are reported as unavailable', async () => {
  const envFrom = Array.from({ length: 10_000 }, (_, i) => ({ configMapRef: { name: `c${i}` } }))
  const { plan: large } = decisionFor(podSpec({ containers: [nginx({ envFrom })] }))
  let [reads, atOnce, most] = [0, 0, 0]
  const read = async () => {
    reads += 1
    atOnce += 1
    most = Math.max(most, atOnce)
    await new Promise((resolve) => setImmediate(resolve))
    atOnce -= 1
    return 'absent' as const
  }
  const { hashes, unreadable } = await readTemplateChecksums(
    large,
    'shop',
    { configMap: read, secret: read },
    key,
  )
  expect({ reads, most }).toEqual({ reads: 128, most: 32 })
  expect(hashes.size + unreadable.length).toBe(10_000)
})

test('no read starts after a second', async () => {
  const envFrom = Array.from({ length: 100 }, (_, i) => ({ configMapRef: { name: `c${i}` } }))
  const { plan: large } = decisionFor(podSpec({ containers: [nginx({ envFrom })] }))
  const now = vi.spyOn(performance, 'now').mockReturnValue(0)
  let reads = 0
  const read = async () => {
    reads += 1
    now.mockReturnValue(1_001)
    return 'absent' as const
  }
  const { unreadable } = await readTemplateChecksums(large, 'shop', { configMap: read, secret: read }, key)
  now.mockRestore()
  expect(reads).toBe(1)
  expect(unreadable).toHaveLength(99)
})
