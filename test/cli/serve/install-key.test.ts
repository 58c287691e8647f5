import { expect, test } from 'vitest'
import { INSTALL_KEY_SECRET, readInstallKey } from '../../../src/cli/serve/install-key.ts'
import { memorySecrets } from '../../support/stores.ts'

test('the install key is created once, and is the same for all replicas', async () => {
  const store = memorySecrets()
  const keys = await Promise.all([readInstallKey(store), readInstallKey(store)])
  keys.push(await readInstallKey(store))
  expect(new Set(keys.map(({ id }) => id)).size).toBe(1)
  expect(keys[0]?.key).toHaveLength(32)
  expect(keys[0]?.id).toMatch(/^[0-9a-f]{8}$/)
  expect(Buffer.from(keys[0]?.key ?? '').toString('hex')).not.toContain(keys[0]?.id)
})

test('a Secret with something else is an error, and stays', async () => {
  const store = memorySecrets()
  await store.create(INSTALL_KEY_SECRET, { key: 'short' })
  await expect(readInstallKey(store)).rejects.toThrow(/64 hexadecimal digits.*\[HR_BAD_INSTALL_KEY\]/)
  expect((await store.read(INSTALL_KEY_SECRET))?.data).toEqual({ key: 'short' })
})
