/** Keeps the server's certificate what its source says, for as long as the process lives. */
import type { KeyPair } from './issue.ts'

export interface ServingCertificate extends KeyPair {
  expires: Date
  /** Where we keep the authority ourselves. */
  authorityExpires?: Date
}

export interface CertificateSource {
  /** The certificate to use now. Rejects where there is none, or the source can't be reached. */
  current(): Promise<ServingCertificate>
}

export interface KeeperOptions {
  source: CertificateSource
  /** Called with the first certificate and with each one that differs from the last. */
  use: (certificate: ServingCertificate) => void
  /** Called when the source fails; the certificate in use stays. */
  failed: (error: unknown) => void
  times?: KeeperTimes
}

export interface KeeperTimes {
  /** While there is no certificate yet. */
  firstMilliseconds: number
  /** Between looks: two small files, or three objects of the API server. It also bounds how long a lost caBundle stays lost. */
  againMilliseconds: number
}

export const defaultKeeperTimes: KeeperTimes = { firstMilliseconds: 1_000, againMilliseconds: 10_000 }

/** Starts at once; returns what stops it. */
export function keepCertificate({
  source,
  use,
  failed,
  times = defaultKeeperTimes,
}: KeeperOptions): () => void {
  let inUse: ServingCertificate | undefined
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  const look = async (): Promise<void> => {
    try {
      const found = await source.current()
      if (!stopped && (found.cert !== inUse?.cert || found.key !== inUse.key)) {
        use(found)
        inUse = found
      }
    } catch (error) {
      failed(error)
    }
    if (stopped) return
    const wait = inUse === undefined ? times.firstMilliseconds : times.againMilliseconds
    timer = setTimeout(() => void look(), wait)
  }
  void look()
  return () => {
    stopped = true
    clearTimeout(timer)
  }
}
