// Builds images without a registry, by buildah with its own store in the cache. The key of an image is a hash of its inputs: a build runs
// only if the label of the last build has another key.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { withLock } from './lock.ts'
import { cache } from './paths.ts'
import { attempt, run } from './run.ts'

const LABEL = 'hotreload.dev/key'

/** Most images take seconds, the slowest a minute, and some machines are ten times slower. */
export const BUILD_TIMEOUT_MS = 30 * 60_000

export interface Inputs {
  target?: string
  /** name -> value of the Containerfile's ARG lines */
  args?: Readonly<Record<string, string>>
  /** host directory -> directory in RUN lines */
  mounts?: Readonly<Record<string, string>>
}

export interface Build extends Inputs {
  /** The image's name, as in a FROM line or a Pod. */
  image: string
  /** A hash of all inputs. */
  key: string
  /** Directory of the build's files. */
  context: string
  containerfile: string
}

/** Builds an image unless the store has it with this key. FROM lines find only images in the store. */
export async function build(options: Build, say: (line: string) => void): Promise<void> {
  await withLock(join(cache('buildah'), 'lock'), async () => {
    if ((await keyOf(options.image)) === options.key) return
    say(`building image ${options.image}`)
    const file = join(cache('buildah'), `Containerfile.${process.pid}`)
    writeFileSync(file, options.containerfile)
    try {
      await buildah(
        'build',
        '--layers',
        `--label=${LABEL}=${options.key}`,
        ...inputFlags(options),
        `--file=${file}`,
        '--tag',
        options.image,
        options.context,
      )
    } finally {
      rmSync(file)
    }
  })
}

/** Flags of `buildah build` for a build without a registry. */
export function inputFlags({ target, args = {}, mounts = {} }: Inputs): string[] {
  const all = { ...hostConfiguration(), ...aptCache(), ...mounts }
  return [
    // chroot isolation needs no further rights or programs.
    '--isolation=chroot',
    '--pull-never',
    ...Object.entries(all).map(([from, to]) => `--volume=${from}:${to}`),
    ...Object.entries(args).map(([name, value]) => `--build-arg=${name}=${value}`),
    ...(target ? [`--target=${target}`] : []),
  ]
}

/** Writes a built image as a docker-archive into the cache, which keeps the last one of each name; returns the file's path. */
export async function archive(image: string, key: string): Promise<string> {
  const directory = cache('images', image.replaceAll(/[/:]/g, '_'))
  const path = join(directory, `${key}.tar`)
  await withLock(join(cache('buildah'), 'lock'), async () => {
    if (existsSync(path)) return
    for (const older of readdirSync(directory)) rmSync(join(directory, older))
    await buildah('push', '--quiet', image, `docker-archive:${path}.new:${image}`)
    await run(['mv', `${path}.new`, path])
  })
  return path
}

/** A short hash of texts and files' contents. */
export function keyFrom(...parts: readonly (string | Buffer)[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(`${part.length}:`).update(part)
  return hash.digest('hex').slice(0, 16)
}

/** Runs buildah on our store, with overlay: a build takes 0.4 s, with vfs 8 s. */
export function buildah(command: string, ...args: string[]): Promise<string> {
  return run([...storeFlags(), command, ...args], { timeoutMs: BUILD_TIMEOUT_MS })
}

const storeFlags = (): string[] => [
  'buildah',
  `--root=${cache('buildah', 'root')}`,
  `--runroot=${cache('buildah', 'run')}`,
  '--storage-driver=overlay',
]

async function keyOf(image: string): Promise<string | undefined> {
  const format = `--format={{index .OCIv1.Config.Labels "${LABEL}"}}`
  const { code, stdout } = await attempt([...storeFlags(), 'inspect', '--type=image', format, image])
  return code === 0 ? stdout.trim() : undefined
}

/**
 * This machine's configuration with which RUN lines reach package registries: apt's (proxies) and the trusted certificates. Packages such
 * as postgresql-common and ssl-cert write there, too: the overlays (`:O`) keep such files out of the image and off this machine.
 */
function hostConfiguration(): Record<string, string> {
  const wanted = {
    '/etc/apt/apt.conf.d': '/etc/apt/apt.conf.d:O',
    '/etc/ssl/certs': '/etc/ssl/certs:O',
    [join(homedir(), '.cargo/registry')]: '/usr/local/cargo/registry',
  }
  return Object.fromEntries(Object.entries(wanted).filter(([host]) => existsSync(host)))
}

/** Keeps apt's lists and packages between builds, outside the images. */
function aptCache(): Record<string, string> {
  const archives = cache('apt', 'archives')
  mkdirSync(join(archives, 'partial'), { recursive: true })
  return { [cache('apt', 'lists')]: '/var/lib/apt/lists', [archives]: '/var/cache/apt/archives' }
}
