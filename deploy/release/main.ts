// node deploy/release/main.ts DIRECTORY [--stand-ins]
// Makes everything that a release publishes, the images for this machine's architecture, from the source alone. It publishes nothing. With
// --stand-ins it makes base images itself, where no registry is reached. Programs: buildah, cargo, go, tar; as root.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { rolldown } from 'rolldown'
import config from '../../rolldown.config.ts'
import { VERSION } from '../../src/version.ts'
import { withContext } from '../../test/cluster/base-images.ts'
import { repository } from '../../test/cluster/paths.ts'
import { kustomizeProgram } from '../../test/cluster/programs.ts'
import { run } from '../../test/cluster/run.ts'
import { writeArchive } from './archive.ts'
import { notesOf } from './changelog.ts'
import { writeChart } from './chart.ts'
import { type Architecture, here, other } from './cross.ts'
import { writeExecutable } from './executable.ts'
import { type Release, writeImage } from './image.ts'
import { type Platform, platforms } from './node-of-platform.ts'
import { linkedCrates } from './sbom/crates.ts'
import { bundledPackages } from './sbom/npm-packages.ts'
import { spdxDocument } from './sbom/spdx.ts'

const KUSTOMIZE = 'v5.4.3'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'stand-ins': { type: 'boolean', default: false } },
})
const output = resolve(positionals[0] ?? 'out/release')
const started = Date.now()
const release: Release = {
  version: VERSION,
  epoch: Number(
    process.env['SOURCE_DATE_EPOCH'] || (await run(['git', '-C', repository, 'log', '-1', '--format=%ct'])),
  ),
  standIns: values['stand-ins'],
  say: (line) => console.error(`[${((Date.now() - started) / 1000).toFixed(0)} s] ${line}`),
}
const inOutput = (name: string): string => join(output, name)

await run([join(repository, 'deploy/release/pin-bases.sh'), '--check', join(repository, 'Dockerfile')])
rmSync(output, { recursive: true, force: true })
mkdirSync(output, { recursive: true })
writeFileSync(inOutput('notes.md'), notesOf(readFileSync(join(repository, 'CHANGELOG.md'), 'utf8'), VERSION))
await writeManifests()
await writeChart(inOutput(`hotreload-chart-${VERSION}.tgz`), release.epoch)
await writeCli()
for (const platform of platforms) await writeProgram(platform)
for (const name of ['hotreload', 'hotreload-agent', 'hotreload-agent-root'] as const)
  await writeImage(name, inOutput(`${name}-${VERSION}-linux-${here}.oci.tar`), release)
writeSbom('hotreload', here, await bundledPackages())
writeSbom('hotreload-agent', here, await linkedCrates(here))
// Elsewhere a machine of that architecture makes them.
if (release.standIns) {
  for (const name of ['hotreload-agent', 'hotreload-agent-root'] as const)
    await writeImage(name, inOutput(`${name}-${VERSION}-linux-${other}.oci.tar`), release, other)
  writeSbom('hotreload-agent', other, await linkedCrates(other))
}
const sums = await run(['sha256sum', ...readdirSync(output).toSorted()], { cwd: output })
writeFileSync(inOutput('SHA256SUMS'), sums)
console.log(sums.trimEnd())

/** What `kubectl apply -k deploy` applies, and the same with cert-manager. */
async function writeManifests(): Promise<void> {
  release.say('rendering manifests')
  const kustomize = await kustomizeProgram(KUSTOMIZE, release.say)
  for (const [file, directory] of [
    ['install.yaml', 'deploy'],
    ['install-cert-manager.yaml', 'certs'],
  ] as const)
    writeFileSync(inOutput(file), await run([kustomize, 'build', join(repository, directory)]))
}

/** The command line for any machine with Node.js: the launcher, its name for kubectl, the bundle and licences. */
async function writeCli(): Promise<void> {
  release.say('bundling the command line')
  const name = `hotreload-${VERSION}`
  await withContext(async (directory) => {
    const root = join(directory, name)
    mkdirSync(join(root, 'bin'), { recursive: true })
    const bundle = await rolldown(config)
    await bundle.write({ ...config.output, dir: join(root, 'dist') })
    cpSync(join(repository, 'src/hotreload.sh'), join(root, 'bin/hotreload'))
    symlinkSync('hotreload', join(root, 'bin/kubectl-hotreload'))
    for (const file of ['LICENSE', 'NOTICE']) cpSync(join(repository, file), join(root, file))
    await writeArchive(inOutput(`${name}-cli.tar.gz`), directory, [name], release.epoch)
  })
}

/** The same as one file for a platform. */
async function writeProgram(platform: Platform): Promise<void> {
  release.say(`building the command line as one file for ${platform}`)
  await withContext(async (directory) => {
    await writeExecutable(join(directory, 'kubectl-hotreload'), platform)
    symlinkSync('kubectl-hotreload', join(directory, 'hotreload'))
    for (const file of ['LICENSE', 'NOTICE']) cpSync(join(repository, file), join(directory, file))
    const archive = `kubectl-hotreload-${VERSION}-${platform}.tar.gz`
    await writeArchive(inOutput(archive), directory, readdirSync(directory), release.epoch)
  })
}

function writeSbom(
  name: string,
  architecture: Architecture,
  packages: Parameters<typeof spdxDocument>[1],
): void {
  const document = spdxDocument(`${name}-${VERSION}`, packages, release.epoch)
  writeFileSync(
    inOutput(`${name}-${VERSION}-linux-${architecture}.spdx.json`),
    `${JSON.stringify(document, null, 2)}\n`,
  )
}
