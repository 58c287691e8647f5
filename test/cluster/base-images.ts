// Stand-ins for the base images, under their real names, so that Dockerfiles build unmodified without a registry: Debian by mmdebstrap,
// Node.js as Debian and the running binary, Rust as Debian and this machine's toolchain.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { BUILD_TIMEOUT_MS, build, keyFrom } from './image-builder.ts'
import { cache } from './paths.ts'
import { run } from './run.ts'

const DEBIAN = 'docker.io/library/debian:bookworm-slim'
type Say = (line: string) => void

/** Builds debian:bookworm-slim if it doesn't exist; returns its key, which is a part of the keys of images on it. */
export async function debianImage(say: Say): Promise<string> {
  const sources = ['', '-updates', '-security'].map((suite) => {
    const archive = suite === '-security' ? 'debian-security' : 'debian'
    return `deb http://deb.debian.org/${archive} bookworm${suite} main`
  })
  const key = keyFrom('debian', ...sources)
  const directory = cache('base', 'debian')
  const root = join(directory, `${key}.tar`)
  if (!existsSync(root)) {
    say('making a Debian base image with mmdebstrap (once, about half a minute)')
    await run(
      ['mmdebstrap', '--quiet', '--variant=minbase', 'bookworm', join(directory, 'new.tar'), ...sources],
      { timeoutMs: BUILD_TIMEOUT_MS },
    )
    await run(['mv', join(directory, 'new.tar'), root])
  }
  const containerfile = `FROM scratch\nADD ${key}.tar /\nCMD ["bash"]\n`
  await build({ image: DEBIAN, key, context: directory, containerfile }, say)
  return key
}

/** Builds a node image of this name (with npm, like the real one) if it doesn't exist; returns its key. */
export async function nodeImage(image: string, say: Say): Promise<string> {
  // `npm root --global` depends on the node that runs it.
  const npm = dirname(dirname((await run(['sh', '-c', 'readlink -f "$(command -v npm)"'])).trim()))
  const npmManifest = readFileSync(join(npm, 'package.json'))
  // Node.js needs this library, which Debian's minimal system lacks.
  const install = 'apt-get update && apt-get install --yes --no-install-recommends libatomic1'
  const key = keyFrom(await debianImage(say), process.version, npmManifest, install, image, 'LICENSE')
  const links = ['npm', 'npx'].map(
    (name) => `ln -s ../lib/node_modules/npm/bin/${name}-cli.js /usr/local/bin/${name}`,
  )
  const containerfile = `FROM ${DEBIAN}\nCOPY local /usr/local\nRUN ${[install, ...links].join(' && ')}\nCMD ["node"]\n`
  await withContext(async (context) => {
    mkdirSync(join(context, 'local/bin'), { recursive: true })
    cpSync(process.execPath, join(context, 'local/bin/node'))
    cpSync(join(dirname(process.execPath), '../LICENSE'), join(context, 'local/LICENSE'))
    cpSync(npm, join(context, 'local/lib/node_modules/npm'), { recursive: true })
    await build({ image, key, context, containerfile }, say)
  })
  return key
}

/** The directory where builds mount this machine's toolchain into the Rust stand-in. */
export const RUST_TOOLCHAIN = '/usr/local/rustup'

/** Builds a rust image of this name if it doesn't exist; returns its key. Builds in it need RUST_TOOLCHAIN (1.4 GB) mounted. */
export async function rustImage(image: string, say: Say): Promise<string> {
  const key = keyFrom(await debianImage(say), 'gcc libc6-dev', image)
  const install = 'apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev'
  const environment = `ENV CARGO_HOME=/usr/local/cargo PATH=${RUST_TOOLCHAIN}/bin:/usr/local/bin:/usr/bin:/bin`
  const containerfile = `FROM ${DEBIAN}\nRUN ${install}\n${environment}\n`
  await withContext((context) => build({ image, key, context, containerfile }, say))
  return key
}

/** The directory of this machine's Rust toolchain. */
export async function rustToolchain(): Promise<string> {
  return (await run(['rustc', '--print', 'sysroot'])).trim()
}

/** Runs `work` with a temporary directory, and removes the directory. */
export async function withContext<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'hotreload-build-'))
  try {
    return await work(directory)
  } finally {
    rmSync(directory, { recursive: true })
  }
}
