/** Each program that is distributed carries the licence texts of what it contains, and its SBOM names the same packages. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'rolldown'
import { expect, test } from 'vitest'
import { here } from '../../deploy/release/cross.ts'
import { LICENCES_FILE } from '../../deploy/release/licences/bundled-packages.ts'
import { linkedCrates } from '../../deploy/release/sbom/crates.ts'
import { bundledPackages } from '../../deploy/release/sbom/npm-packages.ts'
import config from '../../rolldown.config.ts'

const agent = join(import.meta.dirname, '../../agent')
const run = async (program: string, ...args: string[]): Promise<string> =>
  (await promisify(execFile)(program, args, { cwd: agent, maxBuffer: 2 ** 24 })).stdout

/** "name version" -> text */
const sectionsOf = (file: string): Map<string, string> =>
  new Map(
    [...file.matchAll(/^==== (.*)\n([^]*?)(?=^==== |$(?![^]))/gm)].map(([, title = '', text = '']) => [
      title,
      text,
    ]),
  )

const withoutText = (names: Iterable<string>, sections: Map<string, string>): string[] =>
  [...names].filter((name) => !/permission|redistribution|licen[cs]ed? under/i.test(sections.get(name) ?? ''))

test('the bundle: each npm package with a module in it', async () => {
  const { output } = await build({ ...config, write: false })
  const modules = output.flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []))
  const asset = output.find((file) => file.type === 'asset' && file.fileName === LICENCES_FILE)
  const sections = sectionsOf(asset?.type === 'asset' ? String(asset.source) : '')
  const packages = new Set<string>(['rolldown'])
  for (const [, name = ''] of modules
    .join('\n')
    .matchAll(/node_modules\/((?:@[^/\n]+\/)?[^/@\n]+)\/(?!.*node_modules)/g))
    packages.add(name)
  expect(packages.size).toBeGreaterThan(50)
  const named = new Map([...sections].map(([title, text]) => [title.replace(/ [^ ]*$/, ''), text]))
  expect(withoutText(packages, named)).toEqual([])
  expect([...named.keys()].filter((name) => !packages.has(name))).toEqual([])
  const inSbom = (await bundledPackages()).map(({ name, version }) => `${name} ${version}`)
  expect(inSbom.toSorted()).toEqual([...sections.keys(), `node ${process.version.slice(1)}`].toSorted())
}, 600_000)

test("the agent: each crate that is linked, Rust's library and musl", async () => {
  const crates = (await linkedCrates(here)).map(({ name, version }) => `${name} ${version}`)
  expect(crates.length).toBeGreaterThan(5)
  const sections = sectionsOf(await run('sh', 'licences.sh'))
  const rust = 'Rust (core, alloc, compiler_builtins), copyright The Rust Project Contributors'
  expect(withoutText([...crates, rust, 'musl'], sections)).toEqual([])
  expect([...sections.keys()].toSorted()).toEqual([...crates, rust, 'musl'].toSorted())
}, 600_000)
