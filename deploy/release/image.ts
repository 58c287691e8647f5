/** Builds an image as an OCI archive, without caches, and the same for the same source: every file has the time `epoch`. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { withContext } from '../../test/cluster/base-images.ts'
import { buildah, inputFlags } from '../../test/cluster/image-builder.ts'
import { imageReference } from '../../test/cluster/images.ts'
import { repository } from '../../test/cluster/paths.ts'
import { type ProjectImageName, withStandIns } from '../../test/cluster/project-images.ts'
import { run } from '../../test/cluster/run.ts'
import { writeArchive } from './archive.ts'
import { type Architecture, crossInputs, here } from './cross.ts'

export interface Release {
  version: string
  /** Seconds since 1970: SOURCE_DATE_EPOCH (reproducible-builds.org), else the time of the last commit. */
  epoch: number
  /** Whether base images are built here, because no registry is reached. */
  standIns: boolean
  say: (line: string) => void
}

/**
 * @param archive the path of the file to write
 * @param architecture that of this machine, or with stand-ins for the agent the other one
 */
export async function writeImage(
  name: ProjectImageName,
  archive: string,
  release: Release,
  architecture: Architecture = here,
): Promise<void> {
  const { version, epoch, standIns, say } = release
  const image = `localhost/release-${name}:${version}`
  const flags = [
    `--timestamp=${epoch}`,
    `--tag=${image}`,
    `--platform=linux/${architecture}`,
    '--no-cache',
    ...['licenses=Apache-2.0', `version=${version}`, 'source=https://github.com/hotreload/hotreload'].map(
      (label) => `--label=org.opencontainers.image.${label}`,
    ),
  ]
  say(`building ${name} for ${architecture}`)
  if (!standIns) {
    await run(['buildah', 'build', ...flags, `--target=${name}`, repository], { timeoutMs: 3_600_000 })
    return store(name, image, archive, release, (...args) => run(['buildah', ...args]))
  }
  await withStandIns(name, say, async (own) => {
    const inputs = architecture === here ? own : await crossInputs(own, say)
    await buildah('build', ...flags, ...inputFlags(inputs), repository)
  })
  await store(name, image, archive, release, buildah)
}

async function store(
  name: ProjectImageName,
  image: string,
  archive: string,
  { epoch, version }: Release,
  call: (command: string, ...args: string[]) => Promise<string>,
): Promise<void> {
  try {
    await withContext(async (directory) => {
      // As a directory: buildah's own archives have the time of the day in them.
      await call('push', '--quiet', image, `oci:${directory}:${version}`)
      nameForContainerd(directory, imageReference(name))
      await writeArchive(archive, directory, ['blobs', 'index.json', 'oci-layout'], epoch)
    })
  } finally {
    await call('rmi', image)
  }
}

/** Without this, containerd (`ctr images import`, `kind load image-archive`) gives the image a name with the date, which no Pod asks for. */
export function nameForContainerd(layout: string, name: string): void {
  const path = join(layout, 'index.json')
  const index = JSON.parse(readFileSync(path, 'utf8'))
  for (const manifest of index.manifests)
    manifest.annotations = { ...manifest.annotations, 'io.containerd.image.name': name }
  writeFileSync(path, JSON.stringify(index))
}
