// Writes an image with one static program without an image builder: a docker-archive is a tar of a layer and two JSON files.
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { run } from './run.ts'

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' }

/** This machine's architecture as images name it. */
export const architecture: string = architectures[process.arch] ?? process.arch

/** Writes an image of one static program, which is its entrypoint, as a docker-archive; returns the archive's path. */
export async function staticImage(archive: string, name: string, program: string): Promise<string> {
  const work = mkdtempSync(join(tmpdir(), 'hotreload-image-'))
  try {
    const root = join(work, 'root')
    const image = join(work, 'image')
    mkdirSync(root)
    mkdirSync(image)
    cpSync(program, join(root, basename(program)))
    await run([
      'tar',
      '--create',
      '--file',
      join(image, 'layer.tar'),
      '--numeric-owner',
      '--directory',
      root,
      '.',
    ])
    const layer = sha256(readFileSync(join(image, 'layer.tar')))
    const config = JSON.stringify({
      architecture,
      os: 'linux',
      config: { Entrypoint: [`/${basename(program)}`] },
      rootfs: { type: 'layers', diff_ids: [`sha256:${layer}`] },
    })
    const configName = `${sha256(config)}.json`
    writeFileSync(join(image, configName), config)
    const manifest = [{ Config: configName, RepoTags: [name], Layers: ['layer.tar'] }]
    writeFileSync(join(image, 'manifest.json'), JSON.stringify(manifest))
    const files = ['manifest.json', configName, 'layer.tar']
    await run(['tar', '--create', '--file', archive, '--directory', image, ...files])
    return archive
  } finally {
    rmSync(work, { recursive: true })
  }
}

const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex')
