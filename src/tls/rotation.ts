/**
 * When certificates are made anew, and what is trusted meanwhile. Pure: facts and a time in, a decision out.
 *
 * A new authority is published beside the old one first; only when it has been there for a while does a serving certificate signed by it
 * come into use, so that every API server trusts what it is shown at any time. The old one stays in the bundle until its end.
 */
import type { Certificate } from './certificates.ts'
import { BACKDATED_MILLISECONDS } from './issue.ts'

/** How long a new authority is only trusted, not used: API servers see a new caBundle within seconds through their watch. */
export const OVERLAP_MILLISECONDS = 5 * 60_000

/** The share of its life after which a certificate is renewed; cert-manager's default is the same two thirds. */
const RENEW_AT = 2 / 3

export function renewalDue(
  { notBefore, notAfter }: Pick<Certificate, 'notBefore' | 'notAfter'>,
  now: Date,
): boolean {
  const life = notAfter.getTime() - notBefore.getTime()
  return now.getTime() >= notBefore.getTime() + life * RENEW_AT
}

export interface StoredAuthority {
  /** The one that signs; undefined where it can't be read, or its key is not its own. */
  signer: Certificate | undefined
  /** All that are published, the signer's own first. */
  bundle: readonly Certificate[]
}

export type AuthorityDecision =
  | { reason: 'absent' | 'damaged' | 'ending'; keep: Certificate[] }
  | { reason: 'good' }

/** Whether a new authority is due, and which of the old ones stay trusted beside it. */
export function decideAuthority(stored: StoredAuthority | undefined, now: Date): AuthorityDecision {
  if (stored === undefined) return { reason: 'absent', keep: [] }
  const keep = stored.bundle.filter(({ notAfter }) => notAfter > now)
  if (stored.signer === undefined) return { reason: 'damaged', keep }
  // Out of its own bundle it would be trusted by nobody.
  if (!stored.bundle.some(({ pem }) => pem === stored.signer?.pem)) return { reason: 'damaged', keep }
  return renewalDue(stored.signer, now) ? { reason: 'ending', keep } : { reason: 'good' }
}

export interface ServingState {
  /** Undefined where there is none, or it can't be used. */
  serving: Certificate | undefined
  signer: Certificate
  bundle: readonly Certificate[]
  /** Whether the API server has `bundle` as caBundle. */
  published: boolean
  names: readonly string[]
}

export type ServingReason = 'good' | 'absent' | 'otherNames' | 'untrusted' | 'ending' | 'otherAuthority'

/** Why a new serving certificate is due, or `good`. */
export function decideServing(state: ServingState, now: Date): ServingReason {
  const { serving, signer, bundle, published, names } = state
  if (serving === undefined) return 'absent'
  if (!names.every((name) => serving.names.includes(name))) return 'otherNames'
  if (!bundle.some((authority) => serving.signedBy(authority))) return 'untrusted'
  // Signed by the old authority it ends with it, so a renewal must wait for the new one only as long as it can.
  const settled = published && now.getTime() >= issuedAt(signer) + OVERLAP_MILLISECONDS
  const expired = serving.notAfter <= now
  if (renewalDue(serving, now) && (settled || expired)) return 'ending'
  if (!serving.signedBy(signer) && settled) return 'otherAuthority'
  return 'good'
}

function issuedAt({ notBefore }: Certificate): number {
  return notBefore.getTime() + BACKDATED_MILLISECONDS
}
