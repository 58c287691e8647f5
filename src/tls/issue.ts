/** Issues certificates. rotation.ts decides when, and own-authority.ts stores them. */
import { randomBytes } from 'node:crypto'

/** Both PEM. */
export interface KeyPair {
  cert: string
  key: string
}

const DAY_MILLISECONDS = 86_400_000

export const CA_LIFE_MILLISECONDS = 365 * DAY_MILLISECONDS
export const SERVING_LIFE_MILLISECONDS = 90 * DAY_MILLISECONDS

/** How far notBefore lies in the past, for API servers whose clocks are behind ours: a clock that is wrong is mostly so by hours, as by a time zone. */
export const BACKDATED_MILLISECONDS = DAY_MILLISECONDS

/** A new authority with a unique name, so that a verifier finds the right one of two in a bundle. */
export function issueAuthority(now: Date): Promise<KeyPair> {
  return issue(`hotreload-ca-${randomBytes(4).toString('hex')}`, now, CA_LIFE_MILLISECONDS, [
    { name: 'basicConstraints', cA: true, pathLenConstraint: 0, critical: true },
    { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
  ])
}

/** A serving certificate for the DNS names, the first of which is its common name. */
export function issueServing(
  authority: KeyPair,
  names: readonly [string, ...string[]],
  now: Date,
): Promise<KeyPair> {
  const extensions: Extensions = [
    { name: 'basicConstraints', cA: false, critical: true },
    { name: 'keyUsage', digitalSignature: true, critical: true },
    { name: 'extKeyUsage', serverAuth: true },
    { name: 'subjectAltName', altNames: names.map((value) => ({ type: 2, value })) },
  ]
  return issue(names[0], now, SERVING_LIFE_MILLISECONDS, extensions, authority)
}

type Selfsigned = typeof import('selfsigned')
type Extensions = NonNullable<NonNullable<Parameters<Selfsigned['generate']>[1]>['extensions']>

async function issue(
  commonName: string,
  now: Date,
  lifeMilliseconds: number,
  extensions: Extensions,
  ca?: KeyPair,
): Promise<KeyPair> {
  // Imported on use: it takes 150 ms and 20 MB, for something that happens a few times a year.
  const { generate } = await import('selfsigned')
  const issued = await generate([{ name: 'commonName', value: commonName }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: new Date(now.getTime() - BACKDATED_MILLISECONDS),
    notAfterDate: new Date(now.getTime() + lifeMilliseconds),
    extensions,
    ...(ca === undefined ? {} : { ca }),
  })
  return { cert: issued.cert, key: issued.private }
}
