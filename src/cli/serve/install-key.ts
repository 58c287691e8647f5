/** The install key: 32 random bytes in a Secret of our namespace, made once by whichever replica is first. */
import { createHash, randomBytes } from 'node:crypto'
import { UserError } from '../../errors.ts'
import type { SecretStore } from '../../tls/stores.ts'
import type { InstallKey } from '../../workload/checksum.ts'

export const INSTALL_KEY_SECRET = 'hotreload-install-key'
const KEY_BYTES = 32

/**
 * The key of this install, made where there is none.
 * @throws UserError HR_BAD_INSTALL_KEY where the Secret holds something else: replacing it by itself would change every checksum
 */
export async function readInstallKey(secrets: SecretStore): Promise<InstallKey> {
  const stored = await secrets.read(INSTALL_KEY_SECRET)
  if (stored === undefined) {
    // Whether this create or another replica's was first: what is stored counts.
    await secrets.create(INSTALL_KEY_SECRET, { key: randomBytes(KEY_BYTES).toString('hex') })
    const made = await secrets.read(INSTALL_KEY_SECRET)
    return parseInstallKey(made?.data['key'])
  }
  return parseInstallKey(stored.data['key'])
}

/** @param text 64 hexadecimal digits */
export function parseInstallKey(text: string | undefined): InstallKey {
  if (text === undefined || !/^[0-9a-f]{64}$/.test(text))
    throw new UserError(
      'HR_BAD_INSTALL_KEY',
      `Secret ${INSTALL_KEY_SECRET}: key is not ${KEY_BYTES * 2} hexadecimal digits`,
      'restore it, or delete the Secret: a new key is made, and Secrets are compared afresh',
    )
  const key = Buffer.from(text, 'hex')
  // The id must say which key it was without helping to guess it.
  return {
    id: createHash('sha256').update('hotreload install key id').update(key).digest('hex').slice(0, 8),
    key,
  }
}
