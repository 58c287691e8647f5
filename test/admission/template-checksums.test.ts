import { expect, test } from 'vitest'
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
