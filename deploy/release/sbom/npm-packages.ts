/** The npm packages with a module in the bundle, and the Node.js that runs it. */
import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { build } from 'rolldown'
import config from '../../../rolldown.config.ts'
import { repository } from '../../../test/cluster/paths.ts'
import { packageDirectories } from '../licences/bundled-packages.ts'
import type { Package } from './spdx.ts'

interface Lock {
  packages: Record<string, { version: string; license?: string; integrity?: string }>
}

export async function bundledPackages(): Promise<Package[]> {
  const { output } = await build({ ...config, write: false })
  const { packages }: Lock = JSON.parse(readFileSync(join(repository, 'package-lock.json'), 'utf8'))
  const bundled = packageDirectories(output).map((directory) => {
    const path = relative(repository, directory)
    const entry = packages[path]
    if (!entry?.integrity) throw new Error(`package-lock.json has no digest of ${path}`)
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
    return {
      name,
      version: entry.version,
      licence: entry.license ?? 'NOASSERTION',
      purl: `pkg:npm/${name.replace('@', '%40')}@${entry.version}`,
      checksum: {
        algorithm: 'SHA512' as const,
        checksumValue: Buffer.from(entry.integrity.replace('sha512-', ''), 'base64').toString('hex'),
      },
    }
  })
  const version = /node:([\d.]+)-/.exec(readFileSync(join(repository, 'Dockerfile'), 'utf8'))?.[1] ?? ''
  return [...bundled, { name: 'node', version, licence: 'NOASSERTION', purl: `pkg:generic/node@${version}` }]
}
