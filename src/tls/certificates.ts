/** Parses certificates in PEM. A stored text may have been edited, so one that does not parse is undefined, never an exception. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import type { KeyPair } from './issue.ts'

export interface Certificate {
  pem: string
  notBefore: Date
  notAfter: Date
  /** DNS names, lower case. */
  names: readonly string[]
  signedBy(authority: Certificate): boolean
  /** For another certificate's `signedBy`. */
  x509: X509Certificate
}

/** The first certificate of a PEM text. */
export function parseCertificate(pem: string): Certificate | undefined {
  return parseBundle(pem)[0]
}

/** All certificates of a PEM text that parse. */
export function parseBundle(text: string): Certificate[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  return blocks.flatMap((pem) => {
    try {
      return [describe(pem, new X509Certificate(pem))]
    } catch {
      return []
    }
  })
}

/** The certificate of a pair; undefined where the key does not belong to it. */
export function parsePair({ cert, key }: Partial<KeyPair>): Certificate | undefined {
  const certificate = parseCertificate(cert ?? '')
  if (certificate === undefined || key === undefined) return undefined
  try {
    return certificate.x509.checkPrivateKey(createPrivateKey(key)) ? certificate : undefined
  } catch {
    return undefined
  }
}

function describe(pem: string, x509: X509Certificate): Certificate {
  return {
    pem: `${pem}\n`,
    notBefore: x509.validFromDate,
    notAfter: x509.validToDate,
    names: (x509.subjectAltName ?? '')
      .split(', ')
      .flatMap((name) => (name.startsWith('DNS:') ? [name.slice('DNS:'.length).toLowerCase()] : [])),
    // The name first, because verifying a signature is expensive.
    signedBy: (authority) => x509.checkIssued(authority.x509) && x509.verify(authority.x509.publicKey),
    x509,
  }
}
