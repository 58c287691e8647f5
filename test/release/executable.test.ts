/** The command line as one file does what the bundle does, on a machine without Node.js. */
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { writeExecutable } from '../../deploy/release/executable.ts'
import { VERSION } from '../../src/version.ts'
import { repository } from '../cluster/paths.ts'
import { attempt } from '../cluster/run.ts'

let directory = ''
let program = ''
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'hotreload-executable-test-'))
  program = join(directory, 'one/kubectl-hotreload')
  await writeExecutable(program)
}, 120_000)
afterAll(() => rmSync(directory, { recursive: true }))

const env = { PATH: '/nowhere' }
const ours = (...args: string[]) => attempt([program, ...args], { env })

test('it says its version', async () =>
  expect(await ours('--version')).toEqual({ code: 0, stdout: `${VERSION}\n`, stderr: '' }))

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
}, 120_000)
