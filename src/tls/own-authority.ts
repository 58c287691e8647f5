/**
 * Issues the certificate of an install without cert-manager. Authority and serving certificate are a Secret each. The controller's leader does it;
 * but any process may take any step at any time, also an earlier leader: the loser of a race uses what the winner wrote.
 */
import { type Certificate, parseBundle, parseCertificate, parsePair } from './certificates.ts'
import { issueAuthority, issueServing, type KeyPair } from './issue.ts'
import type { CertificateSource, ServingCertificate } from './keeper.ts'
import { decideAuthority, decideServing } from './rotation.ts'
import type { BundlePublisher, SecretStore } from './stores.ts'

export const AUTHORITY_SECRET = 'hotreload-ca'
export const SERVING_SECRET = 'hotreload-serving'

/** The loser of a race needs one more attempt than the winner, and there are two replicas. */
const ATTEMPTS = 5

export interface OwnAuthorityOptions {
  secrets: SecretStore
  publisher: BundlePublisher
  /** DNS names under which the API server calls the webhook. */
  names: readonly [string, ...string[]]
  now: () => Date
}

interface Authority {
  pair: KeyPair
  signer: Certificate
  bundle: Certificate[]
}

/** Each call issues what is due, publishes the bundle, and returns the certificate that is stored. */
export function ownAuthority(options: OwnAuthorityOptions): CertificateSource {
  return {
    async current() {
      const authority = await retried('authority', () => readAuthority(options))
      const published = await options.publisher.publish(pemOf(authority.bundle))
      const serving = await retried('serving certificate', () => readServing(options, authority, published))
      return { ...serving, authorityExpires: authority.signer.notAfter }
    },
  }
}

/** The authority in use; undefined where this attempt wrote one or lost a race, so that the caller reads again. */
async function readAuthority(options: OwnAuthorityOptions): Promise<Authority | undefined> {
  const { secrets, now } = options
  const stored = await secrets.read(AUTHORITY_SECRET)
  const pair = { cert: stored?.data['tls.crt'] ?? '', key: stored?.data['tls.key'] ?? '' }
  const signer = parsePair(pair)
  const bundle = parseBundle(stored?.data['ca.crt'] ?? '')
  const decision = decideAuthority(stored === undefined ? undefined : { signer, bundle }, now())
  if (decision.reason === 'good' && signer !== undefined) return { pair, signer, bundle }
  const kept = 'keep' in decision ? decision.keep : []
  const data = await newAuthority([...kept, ...(await stillUsed(options, kept))], now())
  await (stored === undefined
    ? secrets.create(AUTHORITY_SECRET, data)
    : secrets.update(AUTHORITY_SECRET, data, stored.resourceVersion))
  return undefined
}

/**
 * The published authority of the serving certificate that is stored, where the authority's own Secret was lost: trusted until every replica of the
 * webhook serves a certificate of the new one. Without the serving certificate's Secret nothing of before is trusted.
 */
async function stillUsed(
  { secrets, publisher, now }: OwnAuthorityOptions,
  kept: readonly Certificate[],
): Promise<Certificate[]> {
  const serving = parseCertificate((await secrets.read(SERVING_SECRET))?.data['tls.crt'] ?? '')
  return parseBundle(await publisher.published()).filter(
    (one) =>
      one.notAfter > now() && serving?.signedBy(one) === true && !kept.some(({ pem }) => pem === one.pem),
  )
}

async function newAuthority(kept: readonly Certificate[], now: Date): Promise<Record<string, string>> {
  const issued = await issueAuthority(now)
  const cert = parseCertificate(issued.cert)?.pem ?? issued.cert
  return { 'tls.crt': cert, 'tls.key': issued.key, 'ca.crt': cert + pemOf(kept) }
}

async function readServing(
  { secrets, names, now }: OwnAuthorityOptions,
  { pair: authority, signer, bundle }: Authority,
  published: boolean,
): Promise<ServingCertificate | undefined> {
  const stored = await secrets.read(SERVING_SECRET)
  const pair = { cert: stored?.data['tls.crt'] ?? '', key: stored?.data['tls.key'] ?? '' }
  const serving = parsePair(pair)
  const reason = decideServing({ serving, signer, bundle, published, names }, now())
  if (reason === 'good' && serving !== undefined) return { ...pair, expires: serving.notAfter }
  const issued = await issueServing(authority, names, now())
  const data = { 'tls.crt': issued.cert, 'tls.key': issued.key, 'ca.crt': signer.pem }
  await (stored === undefined
    ? secrets.create(SERVING_SECRET, data)
    : secrets.update(SERVING_SECRET, data, stored.resourceVersion))
  return undefined
}

/** Reads again after every write, also after our own: only what is stored is the same for all replicas. */
async function retried<T>(what: string, attempt: () => Promise<T | undefined>): Promise<T> {
  for (let i = 0; i < ATTEMPTS; i += 1) {
    const result = await attempt()
    if (result !== undefined) return result
  }
  throw new Error(`${what}: changed by others ${ATTEMPTS} times in a row`)
}

function pemOf(certificates: readonly Certificate[]): string {
  return certificates.map(({ pem }) => pem).join('')
}
