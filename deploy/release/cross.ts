/** The agent's image for the architecture that this machine does not have, from a stand-in of its base image that compiles for it. */
import { build, buildah, type Inputs, keyFrom } from '../../test/cluster/image-builder.ts'
import { run } from '../../test/cluster/run.ts'

/** Architectures as images name them, with the name that compilers use. */
const machines = { amd64: 'x86_64', arm64: 'aarch64' } as const
export type Architecture = keyof typeof machines

export const here: Architecture = process.arch === 'arm64' ? 'arm64' : 'amd64'
export const other: Architecture = here === 'arm64' ? 'amd64' : 'arm64'

/** Rust's name of the architecture. */
export const targetOf = (architecture: Architecture): string => `${machines[architecture]}-unknown-linux-gnu`

/** The inputs of the image's build for the other architecture, from those for this machine's. */
export async function crossInputs(
  inputs: Inputs & { baseKey: string },
  say: (line: string) => void,
): Promise<Inputs> {
  const target = targetOf(other)
  const linker = `${machines[other]}-linux-gnu-gcc`
  const base = inputs.args?.['RUST_IMAGE'] ?? ''
  const tools = `localhost/rust-for-${other}:tools`
  const packages = `gcc-${machines[other].replace('_', '-')}-linux-gnu musl-dev:${other}`
  const containerfile = `FROM ${base}
RUN dpkg --add-architecture ${other} && apt-get update && apt-get install --yes --no-install-recommends ${packages}
ENV CARGO_TARGET_${target.replaceAll('-', '_').toUpperCase()}_LINKER=${linker}
`
  // Its library for the other architecture, in this machine's toolchain, which the build mounts.
  await run(['rustup', 'target', 'add', target])
  const key = keyFrom(inputs.baseKey, containerfile)
  await build({ image: tools, key, context: import.meta.dirname, containerfile }, say)
  // Its programs are this machine's, but a build for the other architecture starts only from an image that claims to be of that one.
  const image = `localhost/rust-for-${other}:1`
  const container = (await buildah('from', '--pull-never', tools)).trim()
  try {
    await buildah('config', `--arch=${other}`, container)
    await buildah('commit', '--quiet', container, image)
  } finally {
    await buildah('rm', container)
  }
  return { ...inputs, args: { RUST_IMAGE: image, RUST_TARGET: target } }
}
