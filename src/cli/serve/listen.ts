/** Listens on every address; an error names the flag. */
import type { AddressInfo } from 'node:net'
import { UserError } from '../../errors.ts'

type Listen = (at: { host: string; port: number }) => Promise<AddressInfo | string | null>

/**
 * Returns the port, of IPv6 and IPv4 together where the machine has both.
 * @param listen may be called twice: without IPv6 in the kernel the first call fails
 * @throws UserError HR_PORT that names the flag
 */
export async function listenOn(flag: string, port: number, listen: Listen): Promise<number> {
  try {
    const address = await listen({ host: '::', port }).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EAFNOSUPPORT' || error.code === 'EADDRNOTAVAIL')
        return listen({ host: '0.0.0.0', port })
      throw error
    })
    return typeof address === 'object' && address !== null ? address.port : port
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'EADDRINUSE')
      throw new UserError('HR_PORT', `${flag}: ${port} is in use`, 'use another port')
    if (code === 'EACCES')
      throw new UserError('HR_PORT', `${flag}: ${port} is not permitted`, 'use one from 1024 up')
    throw error
  }
}
