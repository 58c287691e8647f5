/** The install key: 32 random bytes in a Secret of our namespace, which the controller creates and the webhook reads. */
import { createHash, randomBytes } from 'node:crypto'
import { UserError } from '../../errors.ts'
import { notCreatedYet } from '../../tls/serving-secret.ts'
import type { SecretStore } from '../../tls/stores.ts'
import type { InstallKey } from '../../workload/checksum.ts'

export const INSTALL_KEY_SECRET = 'hotreload-install-key'
const KEY_BYTES = 32

/**
 * Reads the key of this install.
 * @throws UserError HR_NO_SECRET until it exists. HR_BAD_INSTALL_KEY where the Secret holds something else; replacing that would change every checksum
 */
export async function readInstallKey(secrets: Pick<SecretStore, 'read'>): Promise<InstallKey> {
  const stored = await secrets.read(INSTALL_KEY_SECRET)
  if (stored === undefined) throw notCreatedYet(INSTALL_KEY_SECRET)
  return parseInstallKey(stored.data['key'])
}

/**
 * The same, but creates the Secret where it does not exist.
 * @param inUse the key that this process has read before: a Secret that was lost gets it back
 */
export async function ensureInstallKey(secrets: SecretStore, inUse?: InstallKey): Promise<InstallKey> {
  if ((await secrets.read(INSTALL_KEY_SECRET)) === undefined) {
    const key = Buffer.from(inUse?.key ?? randomBytes(KEY_BYTES))
    await secrets.create(INSTALL_KEY_SECRET, { key: key.toString('hex') })
  }
  // Another replica may have created it first; the stored key counts.
  return readInstallKey(secrets)
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
  // The id identifies the key without helping to guess it.
  return {
    id: createHash('sha256').update('hotreload install key id').update(key).digest('hex').slice(0, 8),
    key,
  }
}
