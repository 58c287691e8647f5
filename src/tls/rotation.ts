/**
 * Decides when certificates are reissued, and which authorities are trusted meanwhile. Pure: certificates and a time in, a decision out.
 *
 * A new authority is first published beside the old one. A serving certificate signed by it comes into use only after a while, so that every API
 * server trusts the certificate it sees at any time. The old authority stays in the bundle until it expires.
 */
import type { Certificate } from './certificates.ts'
import { BACKDATED_MILLISECONDS } from './issue.ts'

/** How long a new authority is trusted but not yet used: API servers receive a new caBundle within seconds through their watch. */
export const OVERLAP_MILLISECONDS = 5 * 60_000

/** The share of a certificate's life after which it is renewed: two thirds, as in cert-manager. */
const RENEW_AT = 2 / 3

export function renewalDue(
  { notBefore, notAfter }: Pick<Certificate, 'notBefore' | 'notAfter'>,
  now: Date,
): boolean {
  const life = notAfter.getTime() - notBefore.getTime()
  return now.getTime() >= notBefore.getTime() + life * RENEW_AT
}

export interface StoredAuthority {
  /** The certificate that signs; undefined where it does not parse, or its key belongs to another one. */
  signer: Certificate | undefined
  /** All published authorities, the signer first. */
  bundle: readonly Certificate[]
}

export type AuthorityDecision =
  | { reason: 'absent' | 'damaged' | 'early' | 'ending'; keep: Certificate[] }
  | { reason: 'good' }

/** Whether a new authority is due, and which old ones stay trusted beside it. */
export function decideAuthority(stored: StoredAuthority | undefined, now: Date): AuthorityDecision {
  if (stored === undefined) return { reason: 'absent', keep: [] }
  const keep = stored.bundle.filter(({ notAfter }) => notAfter > now)
  if (stored.signer === undefined) return { reason: 'damaged', keep }
  // An authority outside its own bundle is trusted by no API server.
  if (!stored.bundle.some(({ pem }) => pem === stored.signer?.pem)) return { reason: 'damaged', keep }
  // Issued when this clock, or another leader's, was ahead: API servers refuse what it signs. One whose clock is ahead takes the new one for good.
  if (stored.signer.notBefore > now) return { reason: 'early', keep }
  return renewalDue(stored.signer, now) ? { reason: 'ending', keep } : { reason: 'good' }
}

export interface ServingState {
  /** Undefined without one, or where it can't be used. */
  serving: Certificate | undefined
  signer: Certificate
  bundle: readonly Certificate[]
  /** Whether the API server has `bundle` as caBundle. */
  published: boolean
  names: readonly string[]
}

export type ServingReason =
  | 'good'
  | 'absent'
  | 'otherNames'
  | 'early'
  | 'untrusted'
  | 'ending'
  | 'otherAuthority'

/** Why a new serving certificate is due, or `good`. */
export function decideServing(state: ServingState, now: Date): ServingReason {
  const { serving, signer, bundle, published, names } = state
  if (serving === undefined) return 'absent'
  if (!names.every((name) => serving.names.includes(name))) return 'otherNames'
  if (serving.notBefore > now) return 'early'
  if (!bundle.some((authority) => serving.signedBy(authority))) return 'untrusted'
  // A certificate of the old authority ends with it, so its renewal waits for the new one, at most until it has expired.
  const settled = published && now.getTime() >= issuedAt(signer) + OVERLAP_MILLISECONDS
  const expired = serving.notAfter <= now
  if (renewalDue(serving, now) && (settled || expired)) return 'ending'
  if (!serving.signedBy(signer) && settled) return 'otherAuthority'
  return 'good'
}

function issuedAt({ notBefore }: Certificate): number {
  return notBefore.getTime() + BACKDATED_MILLISECONDS
}
