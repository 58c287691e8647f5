/** The webhook's certificate where the controller stores it (own-authority.ts). The webhook reads it and has no right to write it. */
import { UserError } from '../errors.ts'
import { parseCertificate, parsePair } from './certificates.ts'
import type { CertificateSource } from './keeper.ts'
import { SERVING_SECRET } from './own-authority.ts'
import type { SecretStore } from './stores.ts'

/** Rejects with HR_NO_SECRET until the controller has created the Secret, and with HR_BAD_CERTIFICATE where it holds no pair. */
export function servingSecret(secrets: Pick<SecretStore, 'read'>): CertificateSource {
  return {
    async current() {
      const stored = await secrets.read(SERVING_SECRET)
      if (stored === undefined) throw notCreatedYet(SERVING_SECRET)
      const { 'tls.crt': cert = '', 'tls.key': key = '', 'ca.crt': ca = '' } = stored.data
      const expires = parsePair({ cert, key })?.notAfter
      if (expires === undefined)
        throw new UserError(
          'HR_BAD_CERTIFICATE',
          `Secret ${SERVING_SECRET}: tls.crt and tls.key are not a certificate and its key`,
          'Deployment hotreload-controller replaces them: see its log',
        )
      const authorityExpires = parseCertificate(ca)?.notAfter
      return { cert, key, expires, ...(authorityExpires ? { authorityExpires } : {}) }
    },
  }
}

/** What the webhook waits for, at an installation for a second or two. */
export const notCreatedYet = (secret: string): UserError =>
  new UserError(
    'HR_NO_SECRET',
    `Secret ${secret} does not exist yet`,
    'Deployment hotreload-controller creates it: see its log',
  )
