/** The command line as one file, which needs no Node.js: Node.js' own single executable (nodejs.org/api/single-executable-applications.html). */
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { type Plugin, rolldown } from 'rolldown'
import config, { httpByRequire } from '../../rolldown.config.ts'
import { withContext } from '../../test/cluster/base-images.ts'
import { run } from '../../test/cluster/run.ts'
import { bundledLicences, LICENCES_FILE } from './licences/bundled-packages.ts'
import { here, nodeOf, type Platform } from './node-of-platform.ts'

/** There is no file beside it that could be required: RE2JS is inside, and runs when a workload has a pattern. */
const re2jsInside: Plugin = {
  name: 're2js-inside',
  transform: {
    filter: { code: "load('re2js')" },
    handler: (code) => ({ code: code.replace("load('re2js')", "require('re2js')"), map: null }),
  },
}

/**
 * Writes the program for a platform, and beside it the licences of what it contains. The same source gives the same bytes on any machine:
 * it has no code cache, which would save 0.1 s of each start, differs from build to build, and belongs to one platform. A program for
 * macOS has no signature.
 */
export async function writeExecutable(path: string, platform: Platform = here): Promise<void> {
  mkdirSync(dirname(path), { recursive: true })
  await withContext(async (work) => {
    const bundle = await rolldown({
      ...config,
      input: { main: config.input.main },
      plugins: [httpByRequire, re2jsInside, bundledLicences],
    })
    await bundle.write({
      dir: work,
      format: 'esm',
      entryFileNames: '[name].mjs',
      codeSplitting: false,
      minify: true,
    })
    const { program, licence, strip } = await nodeOf(platform, work)
    copyFileSync(program, join(work, 'node'))
    // Before the build: a finished program that is stripped doesn't start.
    if (strip) await run([strip, '--strip-all', join(work, 'node')])
    const settings = {
      // Relative: the program has this path in it.
      main: 'main.mjs',
      mainFormat: 'module',
      executable: 'node',
      output: resolve(path),
      disableExperimentalSEAWarning: true,
      useCodeCache: false,
    }
    writeFileSync(join(work, 'settings.json'), JSON.stringify(settings))
    await run([process.execPath, '--build-sea=settings.json'], { cwd: work })
    copyFileSync(join(work, LICENCES_FILE), join(dirname(path), LICENCES_FILE))
    copyFileSync(licence, join(dirname(path), 'node.txt'))
  })
}
