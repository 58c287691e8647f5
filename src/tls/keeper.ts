/** Asks a source for its certificate again and again: the webhook to use what is stored, the controller to issue what is due. */
import type { KeyPair } from './issue.ts'

export interface ServingCertificate extends KeyPair {
  expires: Date
  /** Only of a certificate that the controller issued. */
  authorityExpires?: Date
  /** PEM of the authority of client certificates, where they are required. */
  clientAuthority?: string
}

export interface CertificateSource {
  /** The certificate to use now. Rejects without one, or where the source can't be reached. */
  current(): Promise<ServingCertificate>
}

export interface KeeperOptions {
  source: CertificateSource
  /** Receives the first certificate, and each one that differs from the last. */
  use: (certificate: ServingCertificate) => void
  /** The source answered, with the same certificate or another one. */
  succeeded?: () => void
  /** The source failed; the certificate in use stays. */
  failed: (error: unknown) => void
  times?: KeeperTimes
}

export interface KeeperTimes {
  /** Until there is a certificate. */
  firstMilliseconds: number
  /** Between two reads of two small files, or of three objects of the API server. It also bounds how long a removed caBundle is missing. */
  againMilliseconds: number
}

export const defaultKeeperTimes: KeeperTimes = { firstMilliseconds: 1_000, againMilliseconds: 10_000 }

/** Starts at once. @returns a function that stops it */
export function keepCertificate({
  source,
  use,
  succeeded,
  failed,
  times = defaultKeeperTimes,
}: KeeperOptions): () => void {
  let inUse: ServingCertificate | undefined
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  const refresh = async (): Promise<void> => {
    try {
      const found = await source.current()
      succeeded?.()
      if (!stopped && isOther(found, inUse)) {
        use(found)
        inUse = found
      }
    } catch (error) {
      failed(error)
    }
    if (stopped) return
    const wait = inUse === undefined ? times.firstMilliseconds : times.againMilliseconds
    timer = setTimeout(() => void refresh(), wait)
  }
  void refresh()
  return () => {
    stopped = true
    clearTimeout(timer)
  }
}

const isOther = (found: ServingCertificate, inUse: ServingCertificate | undefined): boolean =>
  found.cert !== inUse?.cert || found.key !== inUse.key || found.clientAuthority !== inUse.clientAuthority
