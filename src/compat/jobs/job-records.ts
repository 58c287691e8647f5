/**
 * Records of Jobs that are about to be deleted and recreated, in a ConfigMap of our own namespace: after a crash, the next leader recreates
 * them. Encrypted under the install key, since only readers of a Job's own namespace should see its manifest.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import type { Api } from '../../api/api.ts'
import { readKeys, writeKeys } from '../../api/own-config-map.ts'
import { UserError } from '../../errors.ts'
import type { InstallKey } from '../../workload/checksum.ts'
import { isObject } from '../../workload/json-object.ts'
import { type ApiObject } from '../../workload/pod-template.ts'

const NAME = 'hotreload-jobs'
const CIPHER = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16

export interface JobRecords {
  /** @param uid of the Job to delete. @throws ApiError, or UserError HR_NO_INSTALL_KEY */
  keep(uid: string, job: ApiObject): Promise<void>
  /** @throws ApiError */
  drop(uid: string): Promise<void>
  /** By uid; undefined: encrypted under another install key. @throws ApiError, or UserError HR_NO_INSTALL_KEY */
  read(): Promise<Map<string, ApiObject | undefined>>
}

export function createJobRecords(api: Api, installKey: () => InstallKey | undefined): JobRecords {
  const key = (): InstallKey => {
    const found = installKey()
    if (!found)
      throw new UserError('HR_NO_INSTALL_KEY', 'the install key has not been read yet', 'it is tried again')
    return found
  }
  return {
    keep: async (uid, job) => writeKeys(api, NAME, 'jobs', { [uid]: sealed(key(), uid, job) }),
    drop: (uid) => writeKeys(api, NAME, 'jobs', { [uid]: null }),
    async read() {
      const records = Object.entries(await readKeys(api, NAME))
      return new Map(records.map(([uid, text]) => [uid, opened(key(), uid, text)]))
    },
  }
}

/** A key of its own: the install key itself is for checksums. */
const derived = ({ key }: InstallKey): Buffer =>
  Buffer.from(hkdfSync('sha256', key, '', 'hotreload job records', 32))

export function sealed(key: InstallKey, uid: string, job: ApiObject): string {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(CIPHER, derived(key), nonce).setAAD(Buffer.from(uid))
  const text = Buffer.concat([cipher.update(JSON.stringify(job)), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64')
}

/** Undefined: not sealed under this key for this Job. */
export function opened(key: InstallKey, uid: string, text: string): ApiObject | undefined {
  const bytes = Buffer.from(text, 'base64')
  const [nonce, tag] = [bytes.subarray(0, NONCE_BYTES), bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES)]
  try {
    const decipher = createDecipheriv(CIPHER, derived(key), nonce, { authTagLength: TAG_BYTES })
    decipher.setAAD(Buffer.from(uid)).setAuthTag(tag)
    const plain = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()])
    const job: unknown = JSON.parse(plain.toString())
    return isObject(job) ? job : undefined
  } catch {
    return undefined
  }
}
