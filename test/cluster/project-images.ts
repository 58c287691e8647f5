// Builds the project's own images from its Dockerfile.
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { nodeImage, RUST_TOOLCHAIN, rustImage, rustToolchain, withContext } from './base-images.ts'
import { build, type Inputs, keyFrom } from './image-builder.ts'
import { repository } from './paths.ts'
import { attempt } from './run.ts'

type Say = (line: string) => void
export type ProjectImageName = 'hotreload' | 'hotreload-agent' | 'hotreload-agent-root'

const agentFiles =
  '.cargo agent/src agent/Cargo.toml agent/Cargo.lock agent/build.rs agent/discard.ld agent/licences.sh'.split(
    ' ',
  )

const bundleFiles =
  'src deploy/release/licences deploy/release/runtime-root.sh rolldown.config.ts package.json package-lock.json .npmrc'.split(
    ' ',
  )

/** image (and target in the Dockerfile) -> its source files. */
const targets: Record<ProjectImageName, readonly string[]> = {
  hotreload: bundleFiles,
  'hotreload-agent': agentFiles,
  'hotreload-agent-root': agentFiles,
}

/** Builds one of the project's images unless it exists; returns its key. */
export function buildProjectImage(name: ProjectImageName, image: string, say: Say): Promise<string> {
  return withStandIns(name, say, async ({ baseKey, ...inputs }) => {
    const containerfile = readFileSync(join(repository, 'Dockerfile'), 'utf8')
    const files = targets[name].flatMap((path) => contents(join(repository, path)))
    const key = keyFrom(baseKey, containerfile, ...files)
    await build({ image, key, context: repository, containerfile, ...inputs }, say)
    return key
  })
}

/** Calls `work` with the inputs of an image's build, when the stand-in for its base image exists. */
export async function withStandIns<T>(
  name: ProjectImageName,
  say: Say,
  work: (inputs: Inputs & { baseKey: string }) => Promise<T>,
): Promise<T> {
  const isNode = name === 'hotreload'
  const argument = isNode ? 'NODE_IMAGE' : 'RUST_IMAGE'
  const base = tagOf(readFileSync(join(repository, 'Dockerfile'), 'utf8'), argument)
  const baseKey = await (isNode ? nodeImage(base, say) : rustImage(base, say))
  return withContext(async (directory) => {
    const mounts = isNode ? await npmConfiguration(directory) : await rustMounts()
    return work({ baseKey, target: name, mounts, args: { [argument]: base } })
  })
}

/** The default of an ARG of the Dockerfile without its digest, which no stand-in can have. */
function tagOf(containerfile: string, argument: string): string {
  const image = new RegExp(`^ARG ${argument}=([^@\\s]+)`, 'm').exec(containerfile)?.[1]
  if (!image) throw new Error(`the Dockerfile has no line ARG ${argument}=…`)
  return image
}

async function rustMounts(): Promise<Record<string, string>> {
  return { [await rustToolchain()]: `${RUST_TOOLCHAIN}:ro` }
}

/** Mounts this machine's npm configuration (registry, certificates) as root's in the build. */
async function npmConfiguration(directory: string): Promise<Record<string, string>> {
  const user = join(homedir(), '.npmrc')
  const lines = existsSync(user) ? [readFileSync(user, 'utf8')] : []
  // npm reads the global configuration beside the node that runs it, and `make` puts the node of node_modules first in PATH.
  const own = (process.env['PATH'] ?? '').split(delimiter).filter((path) => !path.includes('node_modules'))
  const env = { ...process.env, PATH: own.join(delimiter) }
  for (const option of ['registry', 'cafile']) {
    const value = (await attempt(['npm', 'config', 'get', option], { env })).stdout.trim()
    if (value && value !== 'null' && value !== 'undefined') lines.push(`${option}=${value}`)
  }
  const path = join(directory, 'npmrc')
  writeFileSync(path, `${lines.join('\n')}\n`, { mode: 0o600 })
  return { [path]: '/root/.npmrc:ro' }
}

/** Names and contents of a file, or of all files below a directory; empty if the path does not exist. */
function contents(path: string): (string | Buffer)[] {
  if (!existsSync(path)) return []
  if (!statSync(path).isDirectory()) return [path.slice(repository.length), readFileSync(path)]
  const entries = readdirSync(path, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  return files.toSorted().flatMap((file) => [file.slice(repository.length), readFileSync(file)])
}
