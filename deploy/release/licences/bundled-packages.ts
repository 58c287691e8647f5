/** The licence texts of the npm packages in the bundle, from its list of modules: nothing that is installed and not bundled is in it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { OutputAsset, OutputChunk, Plugin } from 'rolldown'

interface Package {
  name: string
  version: string
  license?: string
}

export const LICENCES_FILE = 'npm-packages.txt'

/** Adds LICENCES_FILE to the output. */
export const bundledLicences: Plugin = {
  name: 'bundled-licences',
  generateBundle(_options, bundle) {
    const texts = packageDirectories(Object.values(bundle)).map(licenceText).toSorted()
    this.emitFile({ type: 'asset', fileName: LICENCES_FILE, source: texts.join('\n') })
  },
}

/** The directories of all packages with a module in the bundle. */
export function packageDirectories(files: readonly (OutputAsset | OutputChunk)[]): string[] {
  const modules = files.flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []))
  // rolldown adds functions of its own.
  const inPackages = modules.map((id) => id.replace(/^\0rolldown\/.*/, import.meta.resolve('rolldown')))
  const directories = inPackages.map(
    (id) => /^(?:file:\/\/)?(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1],
  )
  return [...new Set(directories.filter((directory) => directory !== undefined))]
}

/** @throws if neither the package nor this folder has a text */
function licenceText(directory: string): string {
  const { name, version, license }: Package = JSON.parse(
    readFileSync(join(directory, 'package.json'), 'utf8'),
  )
  const own = readdirSync(directory).filter((file) => /^(licen[cs]e|copying|notice|copyright)/i.test(file))
  const paths = own.map((file) => join(directory, file))
  const added = join(import.meta.dirname, `${name}.txt`)
  if (paths.length === 0 && existsSync(added)) paths.push(added)
  if (paths.length === 0) throw new Error(`${name} has no licence text (${license}): write it into ${added}`)
  return [`==== ${name} ${version}\n`, ...paths.map((path) => readFileSync(path, 'utf8'))].join('\n')
}
