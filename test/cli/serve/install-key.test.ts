import { expect, test } from 'vitest'
import { ensureInstallKey, INSTALL_KEY_SECRET, readInstallKey } from '../../../src/cli/serve/install-key.ts'
import { memorySecrets } from '../../support/stores.ts'

test('the install key is created once, and is the same for all replicas', async () => {
  const store = memorySecrets()
  await expect(readInstallKey(store)).rejects.toThrow(/does not exist yet.*\[HR_NO_SECRET\]/)
  const keys = await Promise.all([ensureInstallKey(store), ensureInstallKey(store)])
  keys.push(await readInstallKey(store))
  expect(new Set(keys.map(({ id }) => id)).size).toBe(1)
  expect(keys[0]?.key).toHaveLength(32)
  expect(keys[0]?.id).toMatch(/^[0-9a-f]{8}$/)
  expect(Buffer.from(keys[0]?.key ?? '').toString('hex')).not.toContain(keys[0]?.id)
})

test('a lost Secret gets the key back that is in use', async () => {
  const store = memorySecrets()
  const before = await ensureInstallKey(store)
  store.secrets.delete(INSTALL_KEY_SECRET)
  expect(await ensureInstallKey(store, before)).toEqual(before)
  expect(await readInstallKey(store)).toEqual(before)
})

test('a Secret with something else is an error, and stays', async () => {
  const store = memorySecrets()
  await store.create(INSTALL_KEY_SECRET, { key: 'short' })
  await expect(ensureInstallKey(store)).rejects.toThrow(/64 hexadecimal digits.*\[HR_BAD_INSTALL_KEY\]/)
  expect((await store.read(INSTALL_KEY_SECRET))?.data).toEqual({ key: 'short' })
})
