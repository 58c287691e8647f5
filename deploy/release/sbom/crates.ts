/** The crates that are linked into the agent, as cargo resolves them for an architecture. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repository } from '../../../test/cluster/paths.ts'
import { run } from '../../../test/cluster/run.ts'
import { type Architecture, targetOf } from '../cross.ts'
import type { Package } from './spdx.ts'

interface Metadata {
  packages: { id: string; name: string; version: string; license: string | null }[]
  resolve: {
    root: string
    nodes: { id: string; deps: { pkg: string; dep_kinds: { kind: string | null }[] }[] }[]
  }
}

/** Neither crates of tests nor crates that only run while it is built. */
export async function linkedCrates(architecture: Architecture): Promise<Package[]> {
  const manifest = `--manifest-path=${join(repository, 'agent/Cargo.toml')}`
  const output = await run([
    'cargo',
    'metadata',
    manifest,
    '--locked',
    '--format-version=1',
    `--filter-platform=${targetOf(architecture)}`,
  ])
  const { packages, resolve }: Metadata = JSON.parse(output)
  const linked = new Set([resolve.root])
  for (const id of linked)
    for (const { pkg, dep_kinds } of resolve.nodes.find((node) => node.id === id)?.deps ?? [])
      if (dep_kinds.some(({ kind }) => kind === null)) linked.add(pkg)
  const lock = readFileSync(join(repository, 'agent/Cargo.lock'), 'utf8')
  return packages
    .filter(({ id }) => linked.has(id) && id !== resolve.root)
    .map(({ name, version, license }) => {
      const entry = new RegExp(
        `name = "${name}"\\nversion = "${version}"\\nsource = .*\\nchecksum = "(.*)"`,
      ).exec(lock)
      if (!entry?.[1]) throw new Error(`agent/Cargo.lock has no checksum of ${name} ${version}`)
      return {
        name,
        version,
        licence: license ?? 'NOASSERTION',
        purl: `pkg:cargo/${name}@${version}`,
        checksum: { algorithm: 'SHA256', checksumValue: entry[1] },
      }
    })
}
