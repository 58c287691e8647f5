/** The authority of the API servers' client certificates, in a file that somebody else renews. */
import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { UserError } from '../errors.ts'
import type { CertificateSource } from './keeper.ts'

/** Adds what `file` holds to each certificate of `source`. Rejects with HR_BAD_CLIENT_CA where the file holds no authority's. */
export const withClientAuthority = (source: CertificateSource, file: string): CertificateSource => ({
  async current() {
    const clientAuthority = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      throw bad(`${file} can't be read (${error.code ?? error.name})`)
    })
    if (!isAuthority(clientAuthority)) throw bad(`${file} holds no certificate of an authority`)
    return { ...(await source.current()), clientAuthority }
  },
})

function isAuthority(text: string): boolean {
  try {
    return new X509Certificate(text).ca
  } catch {
    return false
  }
}

const bad = (problem: string): UserError =>
  new UserError('HR_BAD_CLIENT_CA', `--client-ca: ${problem}`, 'name a PEM file of an authority')
