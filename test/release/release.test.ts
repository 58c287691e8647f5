/** What is published: the same bytes for the same source, complete, and refused where the source is not ready. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { writeArchive } from '../../deploy/release/archive.ts'
import { notesOf } from '../../deploy/release/changelog.ts'
import { writeChart } from '../../deploy/release/chart.ts'
import { here } from '../../deploy/release/cross.ts'
import { nameForContainerd } from '../../deploy/release/image.ts'
import { linkedCrates } from '../../deploy/release/sbom/crates.ts'
import { bundledPackages } from '../../deploy/release/sbom/npm-packages.ts'
import { spdxDocument } from '../../deploy/release/sbom/spdx.ts'
import { VERSION } from '../../src/version.ts'
import { repository } from '../cluster/paths.ts'

const script = (name: string, ...args: string[]) =>
  spawnSync(join(repository, 'deploy/release', name), args, { encoding: 'utf8', cwd: repository })

let directory = ''
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'hotreload-release-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

test('an archive has the same bytes for the same files, whenever and in whatever order they were written', async () => {
  const archives: Buffer[] = []
  for (const [round, names] of [
    ['a', 'b'],
    ['b', 'a'],
  ].entries()) {
    const root = join(directory, String(round))
    mkdirSync(join(root, 'content'), { recursive: true })
    for (const name of names) {
      writeFileSync(join(root, 'content', name), name, { mode: round ? 0o600 : 0o644 })
      utimesSync(join(root, 'content', name), round, round)
    }
    await writeArchive(join(root, 'archive.tar.gz'), root, ['content'], 1_700_000_000)
    archives.push(readFileSync(join(root, 'archive.tar.gz')))
  }
  expect(archives[0]).toEqual(archives[1])
})

test('the archive of the chart holds the files that the chart links', async () => {
  const archive = join(directory, 'chart.tgz')
  await writeChart(archive, 1_700_000_000)
  const { stdout: entries } = spawnSync('tar', ['--list', '--verbose', '--file', archive], {
    encoding: 'utf8',
  })
  expect(entries).toContain(' hotreload/Chart.yaml\n')
  expect(entries.split('\n').filter((entry) => entry.startsWith('l'))).toEqual([])
  const path = 'hotreload/files/dashboard.json'
  const { stdout } = spawnSync('tar', ['--extract', '--to-stdout', '--file', archive, path], {
    encoding: 'utf8',
  })
  expect(stdout).toBe(readFileSync(join(repository, 'deploy/monitoring/dashboard.json'), 'utf8'))
})

describe('release notes', () => {
  const changelog =
    '# Changelog\n\n## 0.2.0, not released yet\n\ntwo\n\n## 0.1.0 - 2026-01-01\n\n### Added\n- one\n'

  test('are the section of the version', () => {
    expect(notesOf(changelog, '0.2.0')).toBe('two\n')
    expect(notesOf(changelog, '0.1.0')).toBe('### Added\n- one\n')
    expect(() => notesOf(changelog, '0.1')).toThrow('no section "## 0.1"')
  })

  test('exist for the version of the source', () =>
    expect(notesOf(readFileSync(join(repository, 'CHANGELOG.md'), 'utf8'), VERSION)).toContain('### Added'))
})

describe('an SBOM', () => {
  test('names the packages of the bundle and of the agent, with versions, digests and licences', async () => {
    const [npm, crates] = [await bundledPackages(), await linkedCrates(here)]
    for (const name of ['fastify', '@kubernetes/client-node', 'yaml', 'rolldown', 'node'])
      expect(npm.map((one) => one.name)).toContain(name)
    expect(npm.map((one) => one.name)).not.toContain('vitest')
    expect(crates.map((one) => one.name)).toEqual(
      expect.arrayContaining(['rustix', 'sha2', 'siphasher', 'bitflags']),
    )
    expect(crates.map((one) => one.name)).not.toContain('proptest')
    const packages = [...npm, ...crates]
    expect(
      packages.filter(({ licence, checksum, name }) => name !== 'node' && !(licence && checksum)),
    ).toEqual([])
  }, 600_000)

  test('is the same for the same packages in another order', () => {
    const packages = ['a', 'b'].map((name) => ({
      name,
      version: '1',
      licence: 'MIT',
      purl: `pkg:npm/${name}@1`,
    }))
    const document = spdxDocument('x', packages, 0)
    expect(spdxDocument('x', packages.toReversed(), 0)).toEqual(document)
    expect(document).toMatchObject({
      spdxVersion: 'SPDX-2.3',
      creationInfo: { created: '1970-01-01T00:00:00Z' },
    })
  })
})

test('a release stops at a base image without a digest, before it builds anything', () => {
  for (const path of [
    'src',
    'deploy/release',
    'test/cluster',
    'package.json',
    'rolldown.config.ts',
    'CHANGELOG.md',
  ])
    cpSync(join(repository, path), join(directory, path), { recursive: true })
  symlinkSync(join(repository, 'node_modules'), join(directory, 'node_modules'))
  const dockerfile = readFileSync(join(repository, 'Dockerfile'), 'utf8')
  writeFileSync(join(directory, 'Dockerfile'), dockerfile.replace(/@sha256:\w+/, ''))
  const argv = [join(directory, 'deploy/release/main.ts'), join(directory, 'output')]
  const env = { ...process.env, SOURCE_DATE_EPOCH: '0', PATH: '/usr/bin:/bin' }
  const { status, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8', env })
  expect(status).toBe(1)
  expect(stderr).toMatch(/RUST_IMAGE=\S+ has no digest: run make pin-bases/)
})

test('programs for macOS are signed, run, and packed again', () => {
  const [built, root] = [join(directory, 'built'), join(directory, 'root')]
  for (const path of [built, root]) mkdirSync(path)
  const file = (path: string, text: string) => writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 })
  file(join(root, 'kubectl-hotreload'), 'echo ran')
  writeFileSync(join(root, 'LICENSE'), 'text')
  const archive = 'kubectl-hotreload-0.1.0-darwin-arm64.tar.gz'
  spawnSync('tar', ['-czf', join(built, archive), '-C', root, '.'])
  // The signature is a further line of the file.
  file(join(directory, 'codesign'), '[ "$1" = --verify ] || echo "# signed" >>"$5"')
  const { status, stdout, stderr } = spawnSync(
    join(repository, 'deploy/release/sign-darwin.sh'),
    [built, join(directory, 'signed')],
    { encoding: 'utf8', env: { ...process.env, PATH: `${directory}:${process.env['PATH']}` } },
  )
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: 'ran\n', stderr: '' })
  const signed = ['-xzOf', join(directory, 'signed', archive), './kubectl-hotreload', './LICENSE']
  expect(spawnSync('tar', signed, { encoding: 'utf8' }).stdout).toBe('text#!/bin/sh\necho ran\n# signed\n')
})

test('a tag must have the version of package.json, Cargo.toml and a dated section of the changelog', () => {
  expect(script('check-tag.sh', 'v99.0.0').stderr).toMatch(
    /^package.json has version .*, the tag is 99\.0\.0/,
  )
  const { status, stderr } = script('check-tag.sh', `v${VERSION}`)
  const isDated = new RegExp(`^## ${VERSION} - \\d{4}-`, 'm').test(
    readFileSync(join(repository, 'CHANGELOG.md'), 'utf8'),
  )
  expect(status, stderr).toBe(isDated ? 0 : 1)
  if (!isDated) expect(stderr).toMatch(/^CHANGELOG.md has version none/)
})

describe('what two machines built', () => {
  const built = (architecture: string, files: Record<string, string>): void => {
    const folder = join(directory, 'built', `release-${architecture}`)
    mkdirSync(folder, { recursive: true })
    for (const [name, text] of Object.entries({ SHA256SUMS: architecture, ...files }))
      writeFileSync(join(folder, name), text)
  }
  const merge = () => script('merge.sh', join(directory, 'built'), join(directory, 'merged'))

  const program = (platform: string) => `kubectl-hotreload-0.1.0-${platform}.tar.gz`

  test('is put together, with new checksums, and with the signed programs for macOS', () => {
    const programs = { [program('linux-arm64')]: '1', [program('darwin-arm64')]: 'unsigned' }
    built('amd64', { 'install.yaml': 'same', ...programs })
    built('arm64', { 'install.yaml': 'same', ...programs })
    const signed = join(directory, 'built/signed-darwin')
    mkdirSync(signed)
    writeFileSync(join(signed, program('darwin-arm64')), 'signed')
    expect(merge()).toMatchObject({ status: 0, stderr: '' })
    const sums = readFileSync(join(directory, 'merged/SHA256SUMS'), 'utf8')
    expect([...sums.matchAll(/ {2}(.*)/g)].map(([, name = '']) => name).toSorted()).toEqual([
      'install.yaml',
      'krew.yaml',
      program('darwin-arm64'),
      program('linux-arm64'),
    ])
    expect(readFileSync(join(directory, 'merged', program('darwin-arm64')), 'utf8')).toBe('signed')
    const { spec } = parse(readFileSync(join(directory, 'merged/krew.yaml'), 'utf8'))
    expect(spec.version).toBe('v0.1.0')
    expect(spec.platforms).toEqual(
      [
        ['darwin', 'signed'],
        ['linux', '1'],
      ].map(([os, content = '']) => ({
        selector: { matchLabels: { os, arch: 'arm64' } },
        uri: `https://github.com/hotreload/hotreload/releases/download/v0.1.0/${program(`${os}-arm64`)}`,
        sha256: createHash('sha256').update(content).digest('hex'),
        bin: 'kubectl-hotreload',
      })),
    )
  })

  test('is refused where one file has two contents', () => {
    built('amd64', { 'install.yaml': 'one' })
    built('arm64', { 'install.yaml': 'two' })
    expect(merge()).toMatchObject({ status: 1, stderr: expect.stringContaining('install.yaml differs') })
  })
})

describe('signing', () => {
  test('signs images and chart by digest, and attaches SBOMs to the image of their name alone', () => {
    const calls = join(directory, 'calls')
    writeFileSync(join(directory, 'cosign'), `#!/bin/sh\necho "$@" >>${calls}\n`, { mode: 0o755 })
    const sbom = (name: string): string => join(directory, `${name}-0.1.0-linux-amd64.spdx.json`)
    for (const name of ['hotreload', 'hotreload-agent']) writeFileSync(sbom(name), '{}')
    const digest = `sha256:${'1'.repeat(64)}`
    const references = ['hotreload', 'hotreload-agent', 'charts/hotreload'].map(
      (name) => `ghcr.io/hotreload/${name}`,
    )
    writeFileSync(join(directory, 'IMAGES'), references.map((one) => `${one}:0.1.0@${digest}\n`).join(''))
    const env = { ...process.env, PATH: `${directory}:${process.env['PATH']}` }
    const { status } = spawnSync(join(repository, 'deploy/release/sign.sh'), [directory], { env })
    expect(status).toBe(0)
    const [image, agent, chart] = references.map((one) => `${one}@${digest}`)
    const attest = (name: string, to = '') => `attest --yes --type spdxjson --predicate ${sbom(name)} ${to}`
    expect(readFileSync(calls, 'utf8').trim().split('\n')).toEqual([
      `sign --yes ${image}`,
      attest('hotreload', image),
      `sign --yes ${agent}`,
      attest('hotreload-agent', agent),
      `sign --yes ${chart}`,
      `sign-blob --yes --bundle ${directory}/SHA256SUMS.sigstore.json ${directory}/SHA256SUMS`,
    ])
  })
})

test('an archive of an image has the name that the manifests ask for, without which containerd names it by the date', () => {
  writeFileSync(
    join(directory, 'index.json'),
    '{"manifests":[{"digest":"sha256:1","annotations":{"a":"b"}}]}',
  )
  nameForContainerd(directory, 'ghcr.io/hotreload/hotreload:0.1.0')
  expect(JSON.parse(readFileSync(join(directory, 'index.json'), 'utf8'))).toEqual({
    manifests: [
      {
        digest: 'sha256:1',
        annotations: { a: 'b', 'io.containerd.image.name': 'ghcr.io/hotreload/hotreload:0.1.0' },
      },
    ],
  })
})
