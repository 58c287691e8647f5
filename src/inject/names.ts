/** Names of the containers and volumes that are added to a Pod. */
import { createHash } from 'node:crypto'

/**
 * `hotreload-vol-web-conf` for container `web` and volume `conf`. Dashes of all parts but the last are doubled, or container `web` with volume
 * `admin-conf` and container `web-admin` with volume `conf` would share a name. Kubernetes allows 63 characters; a longer name is cut and
 * ends in 8 digits of its checksum.
 */
export function nameFor(prefix: string, ...parts: string[]): string {
  const name = [
    prefix,
    ...parts.slice(0, -1).map((part) => part.replaceAll('-', '--')),
    ...parts.slice(-1),
  ].join('-')
  if (name.length <= 63) return name
  const checksum = createHash('sha256').update(name).digest('hex').slice(0, 8)
  return `${name.slice(0, 54).replace(/-+$/, '')}-${checksum}`
}
