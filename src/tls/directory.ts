/** A certificate that another program renews, such as cert-manager: tls.crt and tls.key of a mounted Secret. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../errors.ts'
import { parsePair } from './certificates.ts'
import type { CertificateSource } from './keeper.ts'

/** Reads the files at each call. Rejects with HR_BAD_TLS_DIR where they are not a pair, as between two writes. */
export function certificateDirectory(directory: string): CertificateSource {
  const read = async (name: string) => {
    const file = join(directory, name)
    return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      const problem = `--tls-dir: ${file} can't be read (${error.code ?? error.name})`
      throw new UserError('HR_BAD_TLS_DIR', problem, 'name a directory with tls.crt and tls.key')
    })
  }
  return {
    async current() {
      // One after the other, so that a directory without either has the same error each time.
      const cert = await read('tls.crt')
      const key = await read('tls.key')
      const certificate = parsePair({ cert, key })
      if (certificate !== undefined) return { cert, key, expires: certificate.notAfter }
      const problem = `--tls-dir: tls.crt and tls.key in ${directory} are not a certificate and its key`
      throw new UserError('HR_BAD_TLS_DIR', problem, 'put PEM files of one pair there')
    },
  }
}
