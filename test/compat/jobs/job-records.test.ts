import { expect, test } from 'vitest'
import { parseInstallKey } from '../../../src/cli/serve/install-key.ts'
import { createJobRecords, opened, sealed } from '../../../src/compat/jobs/job-records.ts'

const key = parseInstallKey('ab'.repeat(32))
const job = {
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name: 'import' },
  spec: { token: 'in the manifest' },
}

test('a record can be read with the install key, for its own Job, and not without', () => {
  const text = sealed(key, 'uid-1', job)
  expect(opened(key, 'uid-1', text)).toEqual(job)
  expect(Buffer.from(text, 'base64').toString('latin1')).not.toContain('manifest')
  expect(sealed(key, 'uid-1', job)).not.toBe(text)
  expect(opened(parseInstallKey('cd'.repeat(32)), 'uid-1', text)).toBeUndefined()
  expect(opened(key, 'uid-2', text)).toBeUndefined()
  expect(opened(key, 'uid-1', `${text.slice(0, -8)}AAAAAAAA`)).toBeUndefined()
  expect(opened(key, 'uid-1', 'AAAA')).toBeUndefined()
})

test('without an install key nothing is recorded, so that nothing is deleted', async () => {
  const calls: string[] = []
  const api = {
    namespace: 'hotreload-system',
    call: async ({ path }: { path: string }) => {
      calls.push(path)
      return { status: 200, body: {} }
    },
  }
  await expect(createJobRecords(api, () => undefined).keep('uid-1', job)).rejects.toThrow('install key')
  expect(calls).toEqual([])
})
